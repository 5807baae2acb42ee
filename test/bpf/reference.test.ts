/** Random packets through the C and through the reference of src/core/packet: the same verdicts, bytes and tables. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SCHEDULERS } from '../../src/core/model/service.ts';
import { ACTIONS } from '../../src/core/packet/verdict.ts';
import { createLab, type Lab } from '../../src/lab/lab.ts';
import { KIND_NAMES } from '../contract/kinds.ts';

const SEQUENCES = 186;
const EVENTS = 600;
/** Milliseconds; it takes a tenth of that on a machine with nothing else to do. */
const MOST = 240_000;

interface Outcome {
  readonly packets: number;
  readonly again: number;
  readonly actions: Readonly<Record<string, number>>;
  readonly verdicts: Readonly<Record<string, number>>;
  readonly kinds: Readonly<Record<string, number>>;
  readonly schedulers: Readonly<Record<string, number>>;
  /** The first difference, and the fewest events found that lead to it. */
  readonly failure?: object;
}

let lab: Lab;
let outcome: Outcome;
beforeAll(async () => {
  lab = await createLab({ sysctls: { 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 } });
  const { seed } = fc.readConfigureGlobal();
  const argv = [
    process.execPath,
    '--import',
    import.meta.resolve('tsx'),
    'test/contract/reference-driver.ts',
    ...[seed, SEQUENCES, EVENTS].map(String),
  ];
  outcome = JSON.parse(await lab.run(lab.director, argv, { timeout: MOST })) as Outcome;
  console.log(coverage(outcome));
  const { failure } = outcome;
  // In full: the events can be given to `play` as they are.
  if (failure !== undefined) console.error(JSON.stringify(failure, null, 1));
}, MOST + 10_000);
afterAll(() => lab?.close());

/** What has been tried how often, a line for each sort. */
function coverage({ packets, again, failure: _, ...sorts }: Outcome): string {
  const lines = Object.entries(sorts).map(
    ([sort, counts]) =>
      `  ${sort}: ${Object.entries(counts)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, count]) => `${name} ${count}`)
        .join(' · ')}`,
  );
  return [`${packets} packets, ${again} of them fragments that have waited`, ...lines].join('\n');
}

describe('kernel and reference', () => {
  it('do the same with every packet', () => {
    expect(outcome.failure).toBeUndefined();
    expect(outcome.packets).toBeGreaterThan(100_000);
  });

  it('have met something of every kind', () => {
    for (const action of ACTIONS) expect(outcome.actions[action], action).toBeGreaterThan(100);
    for (const kind of KIND_NAMES) expect(outcome.kinds[kind] ?? 0, kind).toBeGreaterThan(20);
    for (const scheduler of SCHEDULERS) expect(outcome.schedulers[scheduler], scheduler).toBeGreaterThan(10);
    expect(outcome.again, 'fragments after waiting').toBeGreaterThan(100);
    // A full table, eight ports taken in a row, a race and a rate are not to be had this way.
    const rare = ['table_full', 'conflict', 'reclaimed', 'race_lost', 'answer_limited'];
    for (const [verdict, count] of Object.entries(outcome.verdicts))
      if (!rare.includes(verdict)) expect(count, verdict).toBeGreaterThan(0);
  });
});

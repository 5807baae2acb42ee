/** Random packets through the C and through the reference of src/core/packet: the same verdicts, bytes and tables. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SCHEDULERS } from '../../src/core/model/service.ts';
import { ACTIONS } from '../../src/core/packet/verdict.ts';
import { createLab, type Lab } from '../../src/lab/lab.ts';

const SEQUENCES = 45;
const EVENTS = 600;

interface Outcome {
  readonly packets: number;
  readonly again: number;
  readonly actions: Readonly<Record<string, number>>;
  readonly verdicts: Readonly<Record<string, number>>;
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
  outcome = JSON.parse(await lab.run(lab.director, argv, { timeout: 55_000 })) as Outcome;
  const { failure, ...seen } = outcome;
  console.log(JSON.stringify(seen));
  // In full: the events can be given to `play` as they are.
  if (failure !== undefined) console.error(JSON.stringify(failure, null, 1));
});
afterAll(() => lab?.close());

describe('kernel and reference', () => {
  it('do the same with every packet', () => {
    expect(outcome.failure).toBeUndefined();
    expect(outcome.packets).toBeGreaterThan(20_000);
  });

  it('have met something of every kind', () => {
    for (const action of ACTIONS) expect(outcome.actions[action], action).toBeGreaterThan(100);
    for (const scheduler of SCHEDULERS) expect(outcome.schedulers[scheduler], scheduler).toBeGreaterThan(10);
    expect(outcome.again, 'fragments after waiting').toBeGreaterThan(100);
    // A full table, eight ports taken in a row, a race and a rate are not to be had this way.
    const rare = ['table_full', 'conflict', 'reclaimed', 'race_lost', 'answer_limited'];
    for (const [verdict, count] of Object.entries(outcome.verdicts))
      if (!rare.includes(verdict)) expect(count, verdict).toBeGreaterThan(0);
  });
});

/** The same scenarios on both planes: bpf in a network namespace of the host, ip_vs in the guest. The same decisions are demanded. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { findGuest } from '../../src/lab/guest/guest.ts';
import { runProgramInGuest } from '../../src/lab/guest/job.ts';
import { compare, disagreementText, explain, type Known, tableText } from '../both/compare.ts';
import { KNOWN } from '../both/known.ts';
import type { AllSeen } from '../both/scenario.ts';
import { SCENARIOS } from '../both/scenarios.ts';

const JOB = fileURLToPath(new URL('../both/both-job.ts', import.meta.url));
const guest = findGuest();

/** Plays them on the bpf plane, in a process that has a network namespace of its own. */
async function playHere(): Promise<AllSeen> {
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), JOB]);
  child.stdin.end(JSON.stringify('bpf'));
  const [said, wrong] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (said === '') throw new Error(`the bpf plane could not play: ${wrong}`);
  return JSON.parse(said) as AllSeen;
}

describe.skipIf(guest === undefined)('both planes', () => {
  let found: ReturnType<typeof compare>;
  let sorted: ReturnType<typeof explain>;
  beforeAll(async () => {
    const there = runProgramInGuest(guest!, JOB, 'ipvs', 240) as Promise<AllSeen>;
    const [bpf, ipvs] = await Promise.all([playHere(), there]);
    found = compare(bpf, ipvs);
    sorted = explain(found.disagreements, KNOWN);
  }, 300_000);

  it('decide alike, but for what is known', () => {
    const { items, disagreements } = found;
    console.log(
      `${SCENARIOS.length} scenarios, ${items} items: ${items - disagreements.length} alike on both planes, ${disagreements.length} not:\n${tableText(sorted.explained)}`,
    );
    expect(sorted.unknown.map(disagreementText).join('\n')).toBe('');
    // Something has been seen at all, in all of them.
    expect(items).toBeGreaterThan(50 * SCENARIOS.length);
  });

  it('disagree for every reason that is given', () => {
    expect(sorted.stale.map(({ reason }) => reason)).toEqual([]);
  });
});

describe('the comparison', () => {
  const known: Known[] = [{ reason: 'so it is', scenario: /^one$/, item: /^b/ }];
  const seen = (of: Readonly<Record<string, string | number>>): AllSeen => ({
    one: { a: 'x', left: 10, ...of },
  });

  it('tells what differs, what is missing on one side, and takes times for alike that nearly are', () => {
    const { items, disagreements } = compare(seen({ b: 'y', c: 'z' }), seen({ b: 'w', left: 12 }));
    expect(items).toBe(4);
    expect(disagreements.map(({ item, bpf, ipvs }) => [item, bpf, ipvs])).toEqual([
      ['b', 'y', 'w'],
      ['c', 'z', 'absent'],
    ]);
    expect(compare(seen({}), seen({ left: 13 })).disagreements.length).toBe(1);
    expect(compare(seen({}), {}).disagreements.length).toBe(2);
  });

  it('leaves over what no reason explains, and reasons that explain nothing', () => {
    const { disagreements } = compare(seen({ b: 'y', c: 'z' }), seen({ b: 'w' }));
    const { unknown, stale, explained } = explain(disagreements, known);
    expect(unknown.map(({ item }) => item)).toEqual(['c']);
    expect(stale).toEqual([]);
    expect(tableText(explained)).toMatch(/1 × so it is/);
    expect(explain([], known).stale).toEqual(known);
  });
});

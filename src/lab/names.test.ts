import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatLabName, makerLives, netnsName, parseLabName, startTicksOf } from './names.ts';

describe('names of labs', () => {
  const name = fc.record({
    prefix: fc.stringMatching(/^weir[a-z]{0,8}$/),
    pid: fc.integer({ min: 1, max: 2 ** 22 }),
    startTicks: fc.integer({ min: 0, max: 2 ** 40 }),
    counter: fc.integer({ min: 1, max: 9999 }),
  });

  it('are read back as they were written, from a namespace of the lab too', () => {
    fc.assert(
      fc.property(name, fc.constantFrom('director', 'client1', 'server12', 'net'), (wanted, host) => {
        const text = formatLabName(wanted);
        expect(parseLabName(text)).toEqual(wanted);
        expect(parseLabName(netnsName(text, host))).toEqual(wanted);
      }),
    );
  });

  it.each(['', 'default', 'weir', 'weir-1-2', 'cni-12-ab-1', 'weir-12-ab-1-', 'Weir-1-a-1'])(
    'does not claim %j',
    (text) => {
      expect(parseLabName(text)).toBeUndefined();
    },
  );

  it('knows a living maker, and that a pid used again is another process', () => {
    const startTicks = startTicksOf(process.pid)!;
    const mine = { prefix: 'weir', pid: process.pid, startTicks, counter: 1 };
    expect(makerLives(mine)).toBe(true);
    expect(makerLives({ ...mine, startTicks: startTicks - 1 })).toBe(false);
    expect(makerLives(mine, () => undefined)).toBe(false);
  });
});

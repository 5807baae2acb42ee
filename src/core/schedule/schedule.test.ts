import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Candidate } from './candidate.ts';
import { SCHEDULES } from './schedule.ts';
import { cumulativeWeights, gcd, MAX_RING, strideOf } from './wrr.ts';

const idle = (weight: number): Candidate => ({ weight, active: 0, inactive: 0 });
const weights = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 12 });
const anyCandidates = fc.array(
  fc.record({ weight: fc.integer({ min: 0, max: 65535 }), active: fc.nat(2000), inactive: fc.nat(2000) }),
  { maxLength: 20 },
);

/** How often each server came up in `turns` turns. */
function shares(name: 'rr' | 'wrr', given: readonly number[], turns: number): number[] {
  const counts = given.map(() => 0);
  for (let turn = 0; turn < turns; turn++) {
    const index = SCHEDULES[name](given.map(idle), turn);
    if (index !== undefined) counts[index]! += 1;
  }
  return counts;
}

describe('schedulers', () => {
  it('take turns in the order ip_vs does', () => {
    const order = Array.from({ length: 9 }, (_, turn) => SCHEDULES.wrr([4, 3, 2].map(idle), turn));
    expect(order.map((index) => 'ABC'[index!]).join('')).toBe('AABABCABC');
  });

  it('never choose a server of weight 0, and nobody when all have it', () => {
    fc.assert(
      fc.property(
        anyCandidates,
        fc.nat(1e6),
        fc.constantFrom(...Object.values(SCHEDULES)),
        (all, turn, schedule) => {
          const index = schedule(all, turn);
          if (all.every((candidate) => candidate.weight === 0)) expect(index).toBeUndefined();
          else expect(all[index!]!.weight).toBeGreaterThan(0);
        },
      ),
    );
  });

  it('wrr gives everybody exactly the weight in a cycle', () => {
    fc.assert(
      fc.property(weights, (given) => {
        const divisor = given.reduce(gcd, 0);
        fc.pre(divisor > 0);
        const cycle = given.reduce((sum, weight) => sum + weight, 0) / divisor;
        expect(shares('wrr', given, cycle)).toEqual(given.map((weight) => weight / divisor));
      }),
    );
  });

  it('wrr without a ring gives everybody the weight too, and spreads the turns', () => {
    const given = [9001, 3000, 999];
    const cycle = cumulativeWeights(given).at(-1)!;
    expect(cycle).toBeGreaterThan(MAX_RING);
    expect(shares('wrr', given, cycle)).toEqual(given);
    const early = shares('wrr', given, 130);
    expect(early[0]!).toBeGreaterThanOrEqual(88);
    expect(early[0]!).toBeLessThanOrEqual(92);
  });

  it('strides visit every place', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 67_000_000 }), (cycle) => gcd(cycle, strideOf(cycle)) === 1),
    );
  });

  it('lc and wlc weigh an active connection as 257 inactive ones', () => {
    const busy = { weight: 1, active: 1, inactive: 0 };
    expect(SCHEDULES.lc([busy, { weight: 1, active: 0, inactive: 256 }], 0)).toBe(1);
    expect(SCHEDULES.lc([busy, { weight: 1, active: 0, inactive: 257 }], 0)).toBe(0);
    expect(
      SCHEDULES.wlc(
        [
          { ...busy, weight: 3 },
          { weight: 1, active: 0, inactive: 86 },
        ],
        0,
      ),
    ).toBe(0);
    expect(
      SCHEDULES.wlc(
        [
          { ...busy, weight: 3 },
          { weight: 1, active: 0, inactive: 85 },
        ],
        0,
      ),
    ).toBe(1);
  });
});

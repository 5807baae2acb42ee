import fc from 'fast-check';
import { expect, it } from 'vitest';
import { effectiveWeight } from './effective.ts';
import { SLOW_START_STEPS, slowStartFactor } from './slow-start.ts';

const weightAt = (weight: number, duration: number, elapsed: number): number => {
  const factor = slowStartFactor(1_000, duration, 1_000 + elapsed);
  return effectiveWeight(weight, factor === undefined ? [] : [factor]);
};

it('rises linearly, from something to everything', () => {
  const weights = [0, 15_000, 30_000, 45_000, 59_999, 60_000].map((elapsed) =>
    weightAt(100, 60_000, elapsed),
  );
  expect(weights).toEqual([5, 29, 52, 76, 95, 100]);
  expect(slowStartFactor(0, 60_000, 30_000)).toMatchObject({ reason: 'slow start, 52% of its weight' });
});

it('never falls, is never nothing, is done in time, and has only so many steps', () => {
  const times = fc.array(fc.nat({ max: 200_000 }), { maxLength: 60 });
  const weight = fc.integer({ min: 1, max: 65_535 });
  fc.assert(
    fc.property(weight, fc.integer({ min: 1_000, max: 100_000 }), times, (configured, duration, elapsed) => {
      const weights = elapsed.sort((a, b) => a - b).map((one) => weightAt(configured, duration, one));
      expect(weights).toEqual([...weights].sort((a, b) => a - b));
      expect(new Set(weights).size).toBeLessThanOrEqual(SLOW_START_STEPS + 1);
      for (const one of weights) expect(one).toBeGreaterThanOrEqual(1);
      elapsed.forEach((one, i) => {
        if (one >= duration) expect(weights[i]).toBe(configured);
      });
    }),
  );
  // A clock that is set back begins the start anew at worst.
  expect(weightAt(100, 60_000, -5_000)).toBe(5);
});

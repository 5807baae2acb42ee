import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DEFAULT_SLOW_START_STEPS, MAX_SLOW_START_STEPS } from '../model/slow-start.ts';
import { effectiveWeight } from './effective.ts';
import { slowStartFactor } from './slow-start.ts';

const weightAt = (weight: number, duration: number, elapsed: number, steps = DEFAULT_SLOW_START_STEPS) => {
  const factor = slowStartFactor(1_000, { duration, steps }, 1_000 + elapsed);
  return effectiveWeight(weight, factor === undefined ? [] : [factor]);
};

it('rises linearly, from something to everything', () => {
  const weights = [0, 15_000, 30_000, 45_000, 59_999, 60_000].map((elapsed) =>
    weightAt(100, 60_000, elapsed),
  );
  expect(weights).toEqual([5, 29, 52, 76, 95, 100]);
  expect(slowStartFactor(0, { duration: 60_000, steps: 20 }, 30_000)).toMatchObject({
    reason: 'slow start, 52% of its weight',
  });
});

it('rises in as many steps as it is told to', () => {
  const weights = [0, 14_999, 15_000, 30_000, 45_000, 59_999, 60_000].map((elapsed) =>
    weightAt(100, 60_000, elapsed, 4),
  );
  expect(weights).toEqual([20, 20, 40, 60, 80, 80, 100]);
});

it('never falls, is never nothing, is done in time, and has only so many steps', () => {
  const times = fc.array(fc.nat({ max: 200_000 }), { maxLength: 60 });
  const weight = fc.integer({ min: 1, max: 65_535 });
  const steps = fc.integer({ min: 1, max: MAX_SLOW_START_STEPS });
  fc.assert(
    fc.property(
      weight,
      fc.integer({ min: 1_000, max: 100_000 }),
      steps,
      times,
      (configured, duration, count, elapsed) => {
        const weights = elapsed
          .sort((a, b) => a - b)
          .map((one) => weightAt(configured, duration, one, count));
        expect(weights).toEqual([...weights].sort((a, b) => a - b));
        expect(new Set(weights).size).toBeLessThanOrEqual(count + 1);
        for (const one of weights) expect(one).toBeGreaterThanOrEqual(1);
        elapsed.forEach((one, i) => {
          if (one >= duration) expect(weights[i]).toBe(configured);
        });
      },
    ),
  );
  // A clock that is set back begins the start anew at worst.
  expect(weightAt(100, 60_000, -5_000)).toBe(5);
});

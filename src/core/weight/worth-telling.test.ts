import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isWorthTelling } from './worth-telling.ts';

/** What is told of a row of weights, beginning with the configured one. */
const told = (configured: number, weights: readonly number[]): readonly number[] => {
  let last = configured;
  return weights.filter((weight) => {
    const isNews = isWorthTelling(last, weight, configured);
    if (isNews) last = weight;
    return isNews;
  });
};

it('tells large changes, and each end and beginning of traffic', () => {
  expect(told(100, [90, 80, 75, 60, 51, 50, 50, 30, 0, 0, 5, 10, 29, 30, 60, 100])).toEqual([
    75, 50, 0, 5, 30, 60, 100,
  ]);
  expect(told(1, [1, 0, 1])).toEqual([0, 1]);
});

it('never leaves untold that a server has nothing, and is off by less than a quarter at any time', () => {
  const row = fc
    .integer({ min: 1, max: 1_000 })
    .chain((configured) => fc.tuple(fc.constant(configured), fc.array(fc.nat({ max: configured }))));
  fc.assert(
    fc.property(row, ([configured, weights]) => {
      for (let i = 1; i <= weights.length; i++) {
        const last = told(configured, weights.slice(0, i)).at(-1) ?? configured;
        const now = weights[i - 1]!;
        expect(last === 0).toBe(now === 0);
        expect(4 * Math.abs(last - now)).toBeLessThan(configured);
      }
    }),
  );
});

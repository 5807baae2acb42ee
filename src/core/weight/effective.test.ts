import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_WEIGHT } from '../model/service.ts';
import { effectiveWeight, type Factor } from './effective.ts';

const factor = (value: number): Factor => ({ name: 'health', value, reason: 'x' });
const weight = fc.integer({ min: 0, max: MAX_WEIGHT });
const value = fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true }));
const values = fc.array(value, { maxLength: 4 });
const inEffect = (configured: number, of: readonly number[]) => effectiveWeight(configured, of.map(factor));

describe('the weight in effect', () => {
  it('is the configured one times its factors', () => {
    expect(inEffect(10, [])).toBe(10);
    expect(inEffect(10, [0.5])).toBe(5);
    expect(inEffect(100, [0.5, 0.5])).toBe(25);
    expect(inEffect(10, [1, 0])).toBe(0);
    expect(inEffect(1, [0.01])).toBe(1);
  });

  it('is 0 where 0 is configured, and where a factor is 0', () => {
    fc.assert(
      fc.property(weight, values, (w, of) => {
        expect(inEffect(0, of)).toBe(0);
        expect(inEffect(w, [...of, 0])).toBe(0);
      }),
    );
  });

  it('is whole, at least 1 while no factor is 0, and never above the configured one', () => {
    fc.assert(
      fc.property(weight, values, (w, of) => {
        const result = inEffect(w, of);
        expect(Number.isInteger(result)).toBe(true);
        expect(result).toBeLessThanOrEqual(w);
        if (w > 0 && of.every((one) => one > 0)) expect(result).toBeGreaterThanOrEqual(1);
      }),
    );
  });

  it('does not depend on the order of factors, and a factor of 1 changes nothing', () => {
    fc.assert(
      fc.property(weight, values, (w, of) => {
        expect(inEffect(w, [...of].reverse())).toBe(inEffect(w, of));
        expect(inEffect(w, [...of, 1])).toBe(inEffect(w, of));
      }),
    );
  });

  it('grows with each factor and with the configured weight', () => {
    fc.assert(
      fc.property(weight, weight, values, value, value, (w, v, of, a, b) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        expect(inEffect(w, [...of, low])).toBeLessThanOrEqual(inEffect(w, [...of, high]));
        expect(inEffect(Math.min(w, v), of)).toBeLessThanOrEqual(inEffect(Math.max(w, v), of));
      }),
    );
  });
});

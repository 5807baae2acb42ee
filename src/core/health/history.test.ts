import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  MAX_TRANSITIONS,
  MAX_WEIGHED,
  TOGETHER_MS,
  type Transition,
  transitionText,
  withTransition,
} from './history.ts';

const time = (ms: number) => new Date(ms).toISOString();
const weighed = (ms: number, from: number, to: number): Transition => ({
  at: time(ms),
  to: 'weighed',
  reason: `it asks for ${to}% of its weight`,
  weight: { from, to, changes: 1, since: time(ms) },
});
const down = (ms: number): Transition => ({ at: time(ms), to: 'down', reason: 'refused' });
const after = (all: readonly Transition[]) => all.reduce<readonly Transition[]>(withTransition, []);

it('has changes of weight by feedback in one line while nothing comes between', () => {
  const list = after([
    weighed(0, 100, 80),
    weighed(1_000, 80, 60),
    weighed(2_000, 60, 55),
    down(3_000),
    weighed(4_000, 55, 50),
    weighed(4_000 + TOGETHER_MS, 50, 40),
  ]);
  expect(list.map(transitionText)).toEqual([
    'weight 100 → 55 in 3 changes since 1970-01-01T00:00:00Z: it asks for 55% of its weight',
    'refused',
    'weight 55 → 50: it asks for 50% of its weight',
    'weight 50 → 40: it asks for 40% of its weight',
  ]);
  expect(list[0]!.at).toBe(time(2_000));
});

it('is never flooded by them: they take few places, and the others stay in order', () => {
  const step = fc.record({ pause: fc.nat({ max: 2 * TOGETHER_MS }), isDown: fc.boolean(), to: fc.nat(100) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let now = 0;
      let weight = 100;
      const all = steps.map(({ pause, isDown, to }) => {
        now += pause;
        if (isDown) return down(now);
        const one = weighed(now, weight, to);
        weight = to;
        return one;
      });
      const list = after(all);
      const weights = list.flatMap(({ weight: own }) => own ?? []);
      expect(weights.length).toBeLessThanOrEqual(MAX_WEIGHED);
      const downs = all.filter(({ to }) => to === 'down');
      const kept = list.filter(({ to }) => to === 'down');
      expect(kept).toEqual(kept.length === 0 ? [] : downs.slice(-kept.length));
      expect(kept.length).toBeGreaterThanOrEqual(Math.min(downs.length, MAX_TRANSITIONS - MAX_WEIGHED));
      // The last one ends at the weight that is in effect, and one begins where the other ended, unless one is forgotten.
      if (list.at(-1)?.weight !== undefined) expect(weights.at(-1)!.to).toBe(weight);
      for (const [i, one] of weights.slice(1).entries()) expect(one.from).toBe(weights[i]!.to);
    }),
  );
});

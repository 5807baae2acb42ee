import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FeedbackRule } from '../model/check-protocols.ts';
import { MAX_WEIGHT } from '../model/service.ts';
import { effectiveWeight } from './effective.ts';
import {
  FEEDBACK_PAUSE_MS,
  FEEDBACK_STEP,
  type FeedbackState,
  sameInEffect,
  withFigure,
  withoutFigure,
  withSilence,
} from './feedback.ts';

const RULE: FeedbackRule = { floor: 10, ceiling: 100, smoothing: 10_000 };
const FALL = 3;

/** The states after figures, one every `pause` milliseconds; `null` is silence. */
function heard(figures: readonly (number | null)[], rule = RULE, pause = 2_000): FeedbackState[] {
  let state: FeedbackState | undefined;
  return figures.map((figure, i) => {
    const now = (i + 1) * pause;
    state = figure === null ? withSilence(state, FALL, now) : withFigure(state, figure, rule, now);
    return state;
  });
}
const shares = (...of: Parameters<typeof heard>) => heard(...of).map(({ share }) => share);
const again = (figure: number, times: number) => Array.from({ length: times }, () => figure);

const figure = fc.oneof(fc.constantFrom(0, 1, 100, 256), fc.integer({ min: 0, max: 256 }));
const figures = fc.array(figure, { minLength: 1, maxLength: 60 });
const pause = fc.integer({ min: 100, max: 60_000 });
const rule = fc
  .record({
    a: fc.integer({ min: 1, max: 100 }),
    b: fc.integer({ min: 1, max: 100 }),
    smoothing: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 3_600_000 })),
  })
  .map(({ a, b, smoothing }) => ({ floor: Math.min(a, b), ceiling: Math.max(a, b), smoothing }));
const bounded = (one: number, { floor, ceiling }: FeedbackRule) =>
  one === 0 ? 0 : Math.min(ceiling, Math.max(floor, one));

describe('feedback', () => {
  it('takes the first figure at once, and moves to others by and by', () => {
    expect(shares([25])).toEqual([25]);
    expect(shares([100, ...again(20, 6)])).toEqual([100, 85, 74, 64, 56, 49, 44]);
    expect(shares([100, ...again(20, 30)]).at(-1)).toBe(20);
    expect(shares([100, 20, 60], { ...RULE, smoothing: 0 })).toEqual([100, 20, 60]);
  });

  it('keeps to its floor and ceiling, but takes 0 for what it is, at once, and comes back from it by and by', () => {
    expect(shares([3])).toEqual([10]);
    expect(shares([200])).toEqual([100]);
    expect(shares([90], { ...RULE, ceiling: 80 })).toEqual([80]);
    expect(shares([100, 0, 100, 100])).toEqual([100, 0, 18, 33]);
  });

  it('does not move for less than a step until the figure has settled', () => {
    const rule = { ...RULE, smoothing: 0 };
    expect(shares([50, 52, 48, 53, 47], rule)).toEqual([50, 50, 50, 50, 50]);
    expect(shares([50, 52, 52], rule)).toEqual([50, 50, 52]);
  });

  it('is stale after so many answers missing, and begins anew with the next figure', () => {
    const states = heard([40, null, null, null, null, 40]);
    expect(states.map(({ share, stale }) => [share, stale])).toEqual([
      [40, false],
      [40, false],
      [40, false],
      [100, true],
      [100, true],
      [40, false],
    ]);
    expect(heard([null, null, null]).map(({ stale }) => stale)).toEqual([false, false, true]);
    // An answer that says something else is no silence.
    const kept = withoutFigure(withSilence(withSilence(states[0], FALL, 3_000), FALL, 4_000));
    expect(withSilence(kept, FALL, 5_000)).toMatchObject({ share: 40, stale: false, silent: 1 });
  });

  it('has a value between the least and the greatest of what was heard, and no part of the way too many', () => {
    fc.assert(
      fc.property(figures, rule, pause, (list, rule, pause) => {
        let before: number | undefined;
        heard(list, rule, pause).forEach(({ value }, i) => {
          const so = list.slice(0, i + 1).map((one) => bounded(one, rule));
          expect(value).toBeGreaterThanOrEqual(Math.min(...so) - 1e-9);
          expect(value).toBeLessThanOrEqual(Math.max(...so) + 1e-9);
          const target = so.at(-1)!;
          if (before !== undefined && target !== 0 && rule.smoothing > 0) {
            const most = Math.abs(target - before) * (1 - Math.exp(-pause / rule.smoothing));
            expect(Math.abs(value - before)).toBeLessThanOrEqual(most + 1e-9);
          }
          before = value;
        });
      }),
    );
  });

  it('has a share that is 0 by 0 alone, else within its bounds, and never farther than a step from the value', () => {
    fc.assert(
      fc.property(figures, rule, fc.integer({ min: FEEDBACK_PAUSE_MS, max: 60_000 }), (list, rule, pause) => {
        heard(list, rule, pause).forEach(({ value, share }, i) => {
          expect(Number.isInteger(share)).toBe(true);
          if (list[i] === 0) expect(share).toBe(0);
          else {
            expect(share).toBeGreaterThanOrEqual(rule.floor);
            expect(share).toBeLessThanOrEqual(rule.ceiling);
            expect(Math.abs(share - Math.max(rule.floor, value))).toBeLessThanOrEqual(FEEDBACK_STEP);
          }
        });
      }),
    );
  });

  it('makes no weight 0 but by 0', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: MAX_WEIGHT }), figures, rule, (weight, list, rule) => {
        heard(list, rule).forEach(({ share }, i) => {
          const factor = { name: 'feedback', value: share / 100, reason: '' } as const;
          expect(effectiveWeight(weight, [factor]) === 0).toBe(list[i] === 0);
        });
      }),
    );
  });

  it('comes to a figure that stays, whatever was heard before', () => {
    fc.assert(
      fc.property(figures, figure, rule, (list, last, rule) => {
        const states = heard([...list, ...again(last, 12)], rule, Math.max(1_000, rule.smoothing));
        expect(states.at(-1)!.share).toBe(bounded(last, rule));
      }),
    );
  });

  it('changes what is in effect once a second at most, also by silence', () => {
    const answers = fc.array(fc.option(figure), { minLength: 1, maxLength: 100 });
    fc.assert(
      fc.property(answers, rule, fc.integer({ min: 100, max: 2_000 }), (list, rule, pause) => {
        const states = heard(list, rule, pause);
        const changes = states.flatMap((state, i) =>
          i > 0 && state.share !== states[i - 1]!.share ? [i * pause] : [],
        );
        changes.slice(1).forEach((at, i) => {
          expect(at - changes[i]!).toBeGreaterThanOrEqual(FEEDBACK_PAUSE_MS);
        });
      }),
    );
  });

  it('is not held up by a clock that is set back', () => {
    const before = withFigure(withFigure(undefined, 100, RULE, 1e9), 0, RULE, 1e9 + 2_000);
    expect(withFigure(before, 0, RULE, 5)).toMatchObject({ share: 0 });
    const back = withFigure(before, 100, { ...RULE, smoothing: 0 }, 10);
    expect(back.share).toBe(100);
    expect(sameInEffect(before, back)).toBe(false);
    expect(sameInEffect(undefined, back)).toBe(true);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FlapRule } from '../model/check.ts';
import { atTime, type FlapState, holdEnds, holdText, inEffect, STEADY, wentDown, wentUp } from './flap.ts';

const RULE: FlapRule = { downs: 3, within: 60_000, calm: 30_000 };

/** After turns at these seconds, down and up in turn. */
function turned(seconds: readonly number[], rule = RULE): FlapState {
  return seconds.reduce((state, second, i) => {
    const now = second * 1_000;
    const then = atTime(state, rule, now);
    return i % 2 === 0 ? wentDown(then, rule, now) : wentUp(then, now);
  }, STEADY);
}

describe('a server that goes down again and again', () => {
  it('is held from the time that is one too many, and no sooner', () => {
    expect(turned([0, 5, 10, 15]).held).toBe(false);
    expect(turned([0, 5, 10, 15, 20]).held).toBe(true);
    // The first is 60 s ago.
    expect(turned([0, 5, 10, 15, 60]).held).toBe(false);
    expect(turned([0, 5, 10, 15, 59]).held).toBe(true);
  });

  it('is back once it has been calm, counted anew each time it goes down', () => {
    const up = turned([0, 5, 10, 15, 20, 25]);
    expect(holdEnds(up, RULE)).toBe(55_000);
    expect(atTime(up, RULE, 54_999).held).toBe(true);
    expect(atTime(up, RULE, 55_000).held).toBe(false);
    const again = turned([0, 5, 10, 15, 20, 25, 50, 52]);
    expect(atTime(again, RULE, 81_999).held).toBe(true);
    expect(atTime(again, RULE, 82_000)).toMatchObject({ held: false, downs: [50_000] });
  });

  it('is held again by fewer times while the old ones count', () => {
    const quick = { ...RULE, calm: 5_000 };
    const back = atTime(turned([0, 5, 10, 15, 20, 25], quick), quick, 30_000);
    expect(back.held).toBe(false);
    expect(wentDown(back, quick, 31_000).held).toBe(true);
  });

  it('is kept waiting by no clock that was set back', () => {
    expect(atTime(turned([0, 5, 10, 15, 20, 25]), RULE, -1_000).held).toBe(false);
  });

  it('is told with how often, and until when', () => {
    const down = turned([0, 5, 10, 15, 20]);
    expect(holdText(down, RULE, 21_000)).toBe(
      'held down: went down 3 times in 1m; back once it has been up for 30s',
    );
    const up = wentUp(down, 25_000);
    expect(holdText(up, RULE, 30_500)).toBe('held down: went down 3 times in 1m; back in 25s if it stays up');
    expect(holdText(up, RULE, 55_000)).toContain('back in 1s');
    expect(holdText(up, RULE, 30_000, 'no other server is there')).toBe(
      'went down 3 times in 1m, but is needed: no other server is there',
    );
    expect(holdText(up, { ...RULE, calm: 300_000 }, 200_000)).toContain(
      'went down again and again; back in 2m5s',
    );
  });

  it('is down in effect only while it is held and not needed', () => {
    const own = { verdict: 'up', checked: true, reason: 'its check passes', since: 1 } as const;
    const hold = (value: number) => ({ name: 'flap', value, reason: 'held down' }) as const;
    expect(inEffect(own, hold(0))).toEqual({ verdict: 'down', checked: true, reason: 'held down' });
    expect(inEffect(own, hold(1))).toBe(own);
    expect(inEffect(own, undefined)).toBe(own);
    const down = { ...own, verdict: 'down', reason: 'refused' } as const;
    expect(inEffect(down, hold(0))).toBe(down);
  });
});

const rules = fc.record({
  downs: fc.integer({ min: 2, max: 5 }),
  within: fc.integer({ min: 1_000, max: 60_000 }),
  calm: fc.integer({ min: 1_000, max: 60_000 }),
});
const pauses = fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 40 });

describe('whatever happens', () => {
  it('a server is held only after so many downs in that time, and never once it has been up for long enough', () => {
    fc.assert(
      fc.property(rules, pauses, (rule, waits) => {
        let now = 0;
        let state = STEADY;
        const downs: number[] = [];
        waits.forEach((pause, i) => {
          now += pause;
          const before = atTime(state, rule, now);
          if (i % 2 === 0) {
            downs.push(now);
            state = wentDown(before, rule, now);
            const counted = downs.filter((at) => now - at < rule.within).length;
            expect(state.held).toBe(before.held || counted >= rule.downs);
          } else {
            state = wentUp(before, now);
            expect(atTime(state, rule, now + rule.calm).held).toBe(false);
            expect(atTime(state, rule, now + rule.calm - 1).held).toBe(state.held);
          }
          // To look twice changes nothing.
          expect(atTime(atTime(state, rule, now), rule, now)).toEqual(atTime(state, rule, now));
        });
        expect(atTime(wentUp(state, now), rule, now + rule.within + rule.calm)).toMatchObject({
          downs: [],
          held: false,
        });
      }),
    );
  });
});

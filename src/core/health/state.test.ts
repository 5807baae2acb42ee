import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { advance, type CheckResult, type CheckState, freshState } from './state.ts';

const result = (outcome: CheckResult['outcome'], reason: string = outcome): CheckResult => ({
  outcome,
  reason,
  tookMs: 1,
});
const letters = { p: 'passed', f: 'failed', v: 'void' } as const;

/** The verdicts after each of a row of results: `pfv` passed, failed, void. */
function verdicts(row: string, { rise, fall } = { rise: 2, fall: 3 }): string {
  let state = freshState(0);
  return [...row]
    .map((letter, i) => {
      state = advance(state, result(letters[letter as 'p']), { rise, fall }, i);
      return { up: 'U', down: 'D', unknown: '?' }[state.verdict];
    })
    .join('');
}

describe('a check', () => {
  it('is up by its first pass, and down by as many failures as it takes to fall', () => {
    expect(verdicts('p')).toBe('U');
    expect(verdicts('fp')).toBe('?U');
    expect(verdicts('fff')).toBe('??D');
  });

  it('falls by failures in a row, and rises by passes in a row', () => {
    expect(verdicts('pffpfff')).toBe('UUUUUUD');
    expect(verdicts('fffpfpp')).toBe('??DDDDU');
    expect(verdicts('pffpffpffp', { rise: 1, fall: 3 })).toBe('UUUUUUUUUU');
    expect(verdicts('fp', { rise: 1, fall: 1 })).toBe('DU');
  });

  it('is not moved by what was late', () => {
    expect(verdicts('pffvf')).toBe('UUUUD');
    expect(verdicts(`p${'v'.repeat(50)}`)).toMatch(/^U+$/);
    expect(verdicts('vvv')).toBe('???');
  });

  it('says since when and why', () => {
    const fall = { rise: 1, fall: 1 };
    const up = advance(freshState(5), result('passed', 'connected'), fall, 10);
    const same = advance(up, result('passed', 'again'), fall, 20);
    const down = advance(same, result('failed', 'refused'), fall, 30);
    const late = advance(down, result('void', 'late'), fall, 40);
    expect(up).toMatchObject({ verdict: 'up', since: 10, decided: { reason: 'connected' } });
    expect(same).toMatchObject({
      since: 10,
      decided: { reason: 'connected' },
      last: { reason: 'again', at: 20 },
    });
    expect(down).toMatchObject({ verdict: 'down', since: 30, decided: { reason: 'refused' } });
    expect(late).toMatchObject({ verdict: 'down', since: 30, last: { outcome: 'void', at: 40 } });
  });

  it('is never in an impossible state, whatever comes', () => {
    const outcome = fc.constantFrom<CheckResult['outcome']>('passed', 'failed', 'void');
    const limits = fc.record({ rise: fc.integer({ min: 1, max: 5 }), fall: fc.integer({ min: 1, max: 5 }) });
    fc.assert(
      fc.property(fc.array(outcome, { maxLength: 60 }), limits, (outcomes, { rise, fall }) => {
        let state: CheckState = freshState(0);
        const real: string[] = [];
        outcomes.forEach((one, i) => {
          const before = state;
          state = advance(before, result(one), { rise, fall }, i + 1);
          if (one !== 'void') real.push(one);
          expect(state.last).toEqual({ ...result(one), at: i + 1 });
          // Never as many against it as would change it.
          const needed = state.verdict === 'down' ? rise : fall;
          expect(state.against).toBeLessThan(needed);
          expect(state.decided === undefined).toBe(state.verdict === 'unknown');
          if (state.verdict === before.verdict) expect(state.since).toBe(before.since);
          else {
            // A change is due to a row of equal results that ends here, and to nothing that was void.
            expect(one).toBe(state.verdict === 'up' ? 'passed' : 'failed');
            const row = before.verdict === 'unknown' && one === 'passed' ? 1 : one === 'passed' ? rise : fall;
            expect(real.slice(-row)).toEqual(Array(row).fill(one));
            expect(state.since).toBe(i + 1);
          }
          if (one === 'void') expect({ ...state, last: 0 }).toEqual({ ...before, last: 0 });
        });
      }),
    );
  });
});

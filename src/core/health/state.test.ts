import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAgentLine } from './agent.ts';
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

describe('a check of an agent', () => {
  const said = (line: string): CheckResult => ({ ...result('passed'), said: parseAgentLine(line)! });
  const run = (
    lines: readonly (string | undefined)[],
    feedback?: { floor: number; ceiling: number; smoothing: number },
  ) =>
    lines.reduce((state, line, i) => {
      const heard = line === undefined ? result('void') : said(line);
      const rule = { rise: 1, fall: 1, ...(feedback && { feedback }) };
      return advance(state, heard, rule, 2_000 * i);
    }, freshState(0));
  const feedback = { floor: 10, ceiling: 100, smoothing: 0 };

  it('goes by what holds, not by the last word alone', () => {
    expect(run(['up', 'maint', '75%'])).toMatchObject({
      verdict: 'down',
      agent: { admin: 'maint', percent: 75 },
    });
    expect(run(['maint', 'ready'])).toMatchObject({ verdict: 'up', agent: {} });
    expect(run(['down', '50%'], feedback)).toMatchObject({ verdict: 'down' });
    expect(run(['drain 50%', 'up'], feedback)).toMatchObject({ verdict: 'up', feedback: { share: 0 } });
    expect(run(['drain 50%', 'ready'], feedback)).toMatchObject({ feedback: { share: 50 } });
  });

  it('keeps what holds over silence, but for a percentage that is stale', () => {
    expect(run(['maint 40%', undefined, 'up'], feedback)).toMatchObject({ verdict: 'down' });
    const back = run(['40%', undefined, 'up'], feedback);
    expect(back).toMatchObject({ feedback: { share: 100, stale: false } });
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeAgent, parseAgentLine } from './agent.ts';

describe('the line of an agent', () => {
  it.each([
    ['75%\n', { percent: 75 }],
    ['up,ready\t50%', { state: 'up', admin: 'ready', percent: 50 }],
    ['DRAIN', { admin: 'drain' }],
    ['fail # no disk\nup', { state: 'failed', reason: 'no disk' }],
    ['stopped#', { state: 'stopped' }],
    ['maxconn:30 up', { maxconn: 30, state: 'up' }],
    ['what up 99999%', { state: 'up', percent: 256 }],
    ['down up', { state: 'up' }],
    ['', undefined],
    ['# up', undefined],
    ['75 -5% 7.5% maxconn:x', undefined],
    ['\nup', undefined],
  ])('%j', (line, answer) => {
    expect(parseAgentLine(line)).toEqual(answer);
  });

  const words = fc.constantFrom(
    'up',
    'down',
    'failed',
    'fail',
    'stopped',
    'ready',
    'drain',
    'maint',
    '0%',
    '40%',
  );

  it('survives any text, and repeats only what can be shown', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(words).map((w) => w.join(' ')),
        ),
        (text) => {
          const answer = parseAgentLine(text);
          if (answer === undefined) return;
          expect(judgeAgent(answer).reason).toMatch(/^the agent says [\x20-\x7e]+$/);
          expect(judgeAgent(answer).reason.length).toBeLessThan(160);
        },
      ),
    );
  });

  it('means the same however its words are parted, and whatever stands between that is not known', () => {
    const separator = fc.stringMatching(/^[ ,\t]{1,3}$/);
    fc.assert(
      fc.property(fc.array(words, { minLength: 1, maxLength: 6 }), separator, (list, between) => {
        const plain = parseAgentLine(list.join(' '));
        expect(parseAgentLine(list.join(between))).toEqual(plain);
        expect(parseAgentLine(list.join(`${between}load=3${between}`))).toEqual(plain);
        expect(parseAgentLine(`${list.join(' ').toUpperCase()}\r\n`)).toEqual(plain);
      }),
    );
  });

  it('is up unless something speaks against it', () => {
    const state = fc.constantFrom(undefined, 'up', 'down', 'failed', 'stopped');
    const admin = fc.constantFrom(undefined, 'ready', 'drain', 'maint');
    const percent = fc.constantFrom(undefined, 0, 1, 100);
    fc.assert(
      fc.property(state, admin, percent, (s, a, p) => {
        const line = [s, a, p === undefined ? undefined : `${p}%`].filter(Boolean).join(' ');
        const answer = parseAgentLine(line);
        if (answer === undefined) return;
        const good = (s ?? 'up') === 'up' && (a ?? 'ready') === 'ready' && p !== 0;
        expect(judgeAgent(answer).up).toBe(good);
      }),
    );
  });
});

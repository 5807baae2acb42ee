import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AgentKept, figureOf, judgeAgent, keepAnswer, parseAgentLine, sameKept } from './agent.ts';

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

/** What holds after these lines, and what the last one is judged to be. */
function heard(...lines: readonly string[]) {
  let kept: AgentKept = {};
  let judged: ReturnType<typeof judgeAgent> | undefined;
  for (const line of lines) {
    const answer = parseAgentLine(line)!;
    kept = keepAnswer(kept, answer);
    judged = judgeAgent(answer, kept);
  }
  return { kept, figure: figureOf(kept), up: judged?.up, reason: judged?.reason };
}

describe('what an agent has said', () => {
  it.each([
    [['maint', '75%'], undefined, 'the agent says 75%, after maint'],
    [['maint', 'up'], undefined, 'the agent says up, after maint'],
    [['maint 50%', 'ready'], 50, 'the agent says ready, after 50%'],
    [['drain', 'up 75%'], 0, 'the agent says up 75%, after drain'],
    [['drain', 'maint', 'ready up'], 100, 'the agent says up ready'],
    [['down#disk', 'ready 20%'], undefined, 'the agent says ready 20%, after down'],
    [['stopped', 'failed', 'up#again'], 100, 'the agent says up: again'],
    [['0%', 'up'], 0, 'the agent says up, after 0%'],
    [['down', 'maint', 'up', '30%'], undefined, 'the agent says 30%, after maint'],
  ] as const)('%j asks for %j', (lines, figure, reason) => {
    const found = heard(...lines);
    expect([found.figure, found.reason]).toEqual([figure, reason]);
    expect(found.up).toBe(figure !== undefined && figure > 0);
  });

  it('is for each kind of word what was said last, whatever is said of the others', () => {
    const line = fc.record({
      state: fc.constantFrom('', 'up', 'down', 'failed', 'stopped'),
      admin: fc.constantFrom('', 'ready', 'drain', 'maint'),
      percent: fc.constantFrom('', '0%', '40%', '100%'),
    });
    const some = line.filter((one) => Object.values(one).some((word) => word !== ''));
    fc.assert(
      fc.property(fc.array(some, { minLength: 1, maxLength: 8 }), (lines) => {
        const { kept, figure } = heard(...lines.map((one) => Object.values(one).join(' ')));
        const last = (name: 'state' | 'admin' | 'percent', otherwise: string) =>
          lines.findLast((one) => one[name] !== '')?.[name] ?? otherwise;
        const [state, admin, percent] = [
          last('state', 'up'),
          last('admin', 'ready'),
          last('percent', '100%'),
        ];
        expect([kept.state ?? 'up', kept.admin ?? 'ready', `${kept.percent ?? 100}%`]).toEqual([
          state,
          admin,
          percent,
        ]);
        const isOut = state !== 'up' || admin === 'maint';
        expect(figure).toBe(isOut ? undefined : admin === 'drain' ? 0 : Number.parseInt(percent, 10));
        expect(sameKept(kept, keepAnswer(kept, {}))).toBe(true);
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { figureOf, judgeAgent, keepAnswer, parseAgentLine } from '../health/agent.ts';
import { answerLine, parseWanted, READY, STATES, wantedLine } from './answer.ts';

const half = { percent: 50, reason: 'load 1.00 on 2 CPUs' };

describe('the answer of weir agent', () => {
  it.each([
    ['ready', 'up ready 50% # load 1.00 on 2 CPUs\n'],
    ['drain # new disks', 'up drain 50% # new disks\n'],
    ['maint', 'up maint 50%\n'],
    ['down#it burns', 'down ready 50% # it burns\n'],
    ['stopped', 'stopped ready 50%\n'],
    ['', 'up ready 50% # load 1.00 on 2 CPUs\n'],
  ])('%j', (kept, line) => {
    expect(answerLine(parseWanted(kept)!, half)).toBe(line);
  });

  it('is without a figure where none could be taken', () => {
    expect(answerLine(READY, undefined)).toBe('up ready\n');
  });

  const wanted = fc.record({ state: fc.constantFrom(...STATES), reason: fc.string({ unit: 'binary' }) });
  const reading = fc.record({ percent: fc.nat({ max: 100 }), reason: fc.string({ unit: 'binary' }) });

  it('leaves a director with what is wanted now, whatever was said before', () => {
    fc.assert(
      fc.property(fc.array(wanted, { minLength: 1, maxLength: 5 }), reading, (list, figure) => {
        let kept = {};
        for (const one of list) kept = keepAnswer(kept, parseAgentLine(answerLine(one, figure))!);
        const { state } = list.at(-1)!;
        const asked = state === 'ready' ? figure.percent : state === 'drain' ? 0 : undefined;
        expect(figureOf(kept)).toBe(asked);
        expect(judgeAgent({}, kept).up).toBe(state === 'ready' && figure.percent > 0);
      }),
    );
  });

  it('is one line of printable characters, and what is kept reads back', () => {
    fc.assert(
      fc.property(wanted, reading, (one, figure) => {
        expect(answerLine(one, figure)).toMatch(/^[\x20-\x7e]+\n$/);
        expect(wantedLine(one)).toMatch(/^[\x20-\x7e]+\n$/);
        const back = parseWanted(wantedLine(one))!;
        expect(back.state).toBe(one.state);
        expect(parseWanted(wantedLine(back))).toEqual(back);
      }),
    );
  });

  it('knows no other words', () => {
    for (const text of ['drian', 'drain maint', '50%']) expect(parseWanted(text)).toBeUndefined();
  });
});

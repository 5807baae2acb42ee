/** The steps check: things to say and answers to wait for, one after the other. */
import type { StepsCheck } from '../core/model/check.ts';
import type { CheckStep } from '../core/model/check-protocols.ts';
import { type AnswerEnd, brokenOff, converse } from './converse.ts';
import { type Outcome, passed } from './outcome.ts';
import { quoteHeard } from './quote.ts';
import { type Match, matcher } from './regex.ts';

/** Goes through the steps; ends with the last, or when one is not answered as expected before `signal` aborts. */
export function checkSteps(check: StepsCheck, signal: AbortSignal): Promise<Outcome> {
  return converse(check, signal, async (server) => {
    const match = matcher();
    let sent = '';
    for (const [at, step] of check.steps.entries()) {
      if (step.send !== undefined) {
        server.say(step.send);
        sent += step.send;
      }
      if (step.expect === undefined && step.regex === undefined) continue;
      try {
        await server.hear(matchEnd(step, match));
      } catch (error) {
        const heard = server.heard === '' ? '' : `; it said ${quoteHeard(server.heard, sent)}`;
        return brokenOff(error, `step ${at + 1} of ${check.steps.length}`, heard);
      }
    }
    const { length } = check.steps;
    return passed(length === 1 ? 'answered as expected' : `${length} steps as expected`, server.warning);
  });
}

/** Where what a step expects ends; both have to be there when both are given. Throws what `match` throws. */
export function matchEnd({ expect, regex }: CheckStep, match: Match = matcher()): AnswerEnd {
  const pattern = regex === undefined ? undefined : new RegExp(regex, 'us');
  return (heard) => {
    const text = expect === undefined ? 0 : heard.indexOf(expect);
    if (text < 0) return -1;
    const found = pattern && match(pattern, heard);
    if (found === null) return -1;
    return Math.max(text + (expect?.length ?? 0), found ? found.index + found[0].length : 0);
  };
}

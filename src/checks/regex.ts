/**
 * Regular expressions over what servers say. A careless one can take for ever over words that somebody chose for that, and all
 * checks have one thread: so each match is stopped when its time is over, by the one means that Node.js has for it (decision 21).
 */
import { createContext, Script } from 'node:vm';
import { libc } from '../kernel/libc.ts';
import { once } from '../kernel/once.ts';
import { CannotAsk } from './outcome.ts';

/** What all matches of one check may take, in milliseconds of this thread's processor time. */
const MATCH_MS = 50;
/** From this part on the time is over: who is stopped has not run for all of it. */
const NEARLY = 0.8;
/** How often a match begins again that was stopped while the processor was busy with others. */
const ATTEMPTS = 10;

/** Why a match was stopped. */
export const TOO_LONG = 'the regular expression takes too long over the answer';

/** Looks for a pattern. Throws an Error with TOO_LONG when its time is over, and CannotAsk when this machine is too busy to tell. */
export type Match = (pattern: RegExp, text: string) => RegExpExecArray | null;

/** Matches for one check, made anew each time it is made; `clock` gives the thread's processor time in milliseconds. */
export function matcher(clock: () => number = libc().threadTime): Match {
  let used = 0;
  return (pattern, text) => {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (used >= NEARLY * MATCH_MS) throw new Error(TOO_LONG);
      const before = clock();
      const found = stoppable()(() => pattern.exec(text), Math.ceil(MATCH_MS - used));
      used += clock() - before;
      if (found !== STOPPED) return found as RegExpExecArray | null;
    }
    throw new CannotAsk('the director itself is too busy to look at the answer');
  };
}

const STOPPED = Symbol('stopped');
const nothing = (): unknown => undefined;

/** What `run` returns, or STOPPED after so many milliseconds by the clock. One stage for all: to make one takes longer than most matches. */
const stoppable = once(() => {
  const stage = { run: nothing };
  const context = createContext(stage);
  const script = new Script('run()');
  return (run: () => unknown, timeout: number): unknown => {
    stage.run = run;
    try {
      return script.runInContext(context, { timeout });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return STOPPED;
      throw error;
    } finally {
      stage.run = nothing;
    }
  };
});

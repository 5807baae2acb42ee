/** What the director cannot do just now: kept until it is done, and logged once, as each look tries again. */
import type { Log } from '../observe/log.ts';

/** The latest thing that could not be done. */
export interface Complaint {
  /** In a line for people; undefined while all is done. */
  readonly text: string | undefined;
  /** It could not be done: logged, unless that was said the last time, too. */
  raise(error: unknown): void;
  /** The same, of what is told elsewhere. */
  keep(error: unknown): void;
  /** All is done. */
  settle(): void;
}

/** Nothing to complain of yet. */
export function openComplaint(log: Log): Complaint {
  let text: string | undefined;
  const keep = (error: unknown): void => {
    text = (error as Error).message;
  };
  return {
    get text() {
      return text;
    },
    raise: (error) => {
      if ((error as Error).message !== text) log.error('step_failed', { error });
      keep(error);
    },
    keep,
    settle: () => {
      text = undefined;
    },
  };
}

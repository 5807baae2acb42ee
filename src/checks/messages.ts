/** What the daemon and the thread that makes the checks say to each other. */

import type { SchedulerReport } from '../core/health/scheduler.ts';
import type { CheckState } from '../core/health/state.ts';
import type { CheckKey } from '../core/model/check.ts';
import type { CheckToMake } from './runner.ts';

/** What the thread is started with. */
export interface ThreadData {
  /** Where it notes the programs that it runs (groups.ts). */
  readonly groups: SharedArrayBuffer;
}

/** To the thread. */
export type ToChecks =
  | { readonly kind: 'set'; readonly checks: readonly CheckToMake[] }
  /** With or without the states, of which there may be tens of thousands. */
  | { readonly kind: 'ask'; readonly id: number; readonly states: boolean }
  /** End, between two turns of the loop: no program is then being started that is not noted yet. */
  | { readonly kind: 'end' };

/** What the thread answers to `ask`. */
export interface ChecksReport {
  readonly states: ReadonlyMap<CheckKey, CheckState>;
  readonly scheduler: SchedulerReport;
}

/** From the thread: states whose verdicts have changed, or an answer. Results that change nothing stay there. */
export type FromChecks =
  | { readonly kind: 'changed'; readonly states: ReadonlyMap<CheckKey, CheckState> }
  | ({ readonly kind: 'answer'; readonly id: number } & ChecksReport);

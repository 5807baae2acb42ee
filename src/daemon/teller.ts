/** Says what checks tell beside their verdicts: warnings, and feedback that is missing or back; once each, of each server concerned. */
import { staleText } from '../core/health/feedback.ts';
import type { CheckStates } from '../core/health/servers.ts';
import type { CheckState } from '../core/health/state.ts';
import { type Check, type CheckKey, checkText } from '../core/model/check.ts';
import type { Log } from '../observe/log.ts';
import type { Dependent } from './dependents.ts';

/** Who is concerned. */
export interface Concerned {
  readonly checks: ReadonlyMap<CheckKey, Check>;
  readonly dependents: ReadonlyMap<CheckKey, readonly Dependent[]>;
}

/** Says what is new in `after` beside `before`; `after` may be of some checks only. */
export function tellBeside(
  log: Log,
  { checks, dependents }: Concerned,
  before: CheckStates,
  after: CheckStates,
): void {
  for (const tell of [tellWarning, tellFeedback])
    for (const [key, state] of after) {
      const check = checks.get(key);
      if (check === undefined) continue;
      for (const { service, server } of dependents.get(key) ?? [])
        tell(log, { service, server, check: checkText(check) }, before.get(key), state);
    }
}

type Tell = (
  log: Log,
  about: Readonly<Record<'service' | 'server' | 'check', string>>,
  before: CheckState | undefined,
  after: CheckState,
) => void;

const tellFeedback: Tell = (log, about, before, after) => {
  const stale = after.feedback?.stale ?? false;
  if (stale === (before?.feedback?.stale ?? false)) return;
  if (stale) log.warn('feedback_stale', { ...about, reason: staleText(after) });
  else log.info('feedback_heard', { ...about, reason: after.last?.reason });
};

const tellWarning: Tell = (log, { check, ...about }, before, { warning }) => {
  const was = before?.warning;
  if (warning === was) return;
  const told = { ...about, reason: warning ?? was, check };
  if (warning === undefined) log.info('server_warning_over', told);
  else log.warn('server_warning', told);
};

/** What changes in the checks, in lines for people. */
import { type Check, checkText, feedbackOf } from '../model/check.ts';
import { formatDuration } from '../plan/explain.ts';
import type { Watch } from './servers.ts';

/** The most checks that are named; the others are counted. */
const NAMED = 12;

/** `http GET 192.168.1.101:80/health every 2s` */
export const checkLine = (check: Check): string => `${checkText(check)} ${paceText(check)}`;

/** `every 2s`, `every 5s with feedback of 10-100% over 10s` */
export function paceText(check: Check): string {
  const every = `every ${formatDuration(check.interval)}`;
  const feedback = feedbackOf(check);
  if (feedback === undefined) return every;
  const { floor, ceiling, smoothing } = feedback;
  return `${every} with feedback of ${floor}-${ceiling}% over ${formatDuration(smoothing)}`;
}

/** A line for each check that comes or goes, and one that counts those beyond the first few; none if nothing differs. */
export function explainChecks(before: Watch, after: Watch): readonly string[] {
  const missing = (from: Watch, to: Watch, sign: string): string[] => {
    const lines: string[] = [];
    for (const [key, check] of to.checks)
      if (!from.checks.has(key)) lines.push(`${sign} check ${checkLine(check)}`);
    const more = lines.length - NAMED;
    return more <= 0 ? lines : [...lines.slice(0, NAMED), `${sign} … and ${more} more checks`];
  };
  return [...missing(after, before, '-'), ...missing(before, after, '+')];
}

/** Feedback of a server's checks → a factor of its weight. */
import type { Factor } from '../weight/effective.ts';
import type { CheckStates, WatchedServer } from './servers.ts';
import type { CheckState } from './state.ts';

/** What the feedback of a server's checks makes of its weight, by the least of what they say; undefined where none gives any. */
export function feedbackFactor(
  { checks }: Pick<WatchedServer, 'checks'>,
  states: CheckStates,
): Factor | undefined {
  let least: Factor | undefined;
  let stale: Factor | undefined;
  for (const key of checks) {
    const state = states.get(key);
    const feedback = state?.feedback;
    if (state === undefined || feedback === undefined) continue;
    if (feedback.stale) stale ??= { name: 'feedback', value: 1, reason: staleText(state) };
    else if (feedback.heard !== undefined && (least === undefined || feedback.share < 100 * least.value)) {
      const { heard, share } = feedback;
      const gets = share === heard ? '' : `, and gets ${share}%`;
      const reason = `it asks for ${heard}% of its weight${gets}`;
      least = { name: 'feedback', value: share / 100, reason };
    }
  }
  return least ?? stale;
}

/** Why a server has its configured weight although it should say what it wants. */
export const staleText = ({ last }: CheckState): string =>
  `its feedback is stale, so its configured weight counts: ${last?.reason ?? 'no answer'}`;

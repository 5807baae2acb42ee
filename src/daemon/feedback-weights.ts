/** Says how feedback moves weights: all of it in the histories, the large changes to those who listen. */
import { feedbackFactor } from '../core/health/feedback.ts';
import type { CheckStates } from '../core/health/servers.ts';
import { isWorthTelling } from '../core/weight/worth-telling.ts';
import { type Dependent, weightAsked } from './dependents.ts';
import type { Told } from './turns.ts';

/** What has been told of servers; by the objects that stand for them, so that a reload begins anew. */
export class FeedbackWeights {
  readonly #to: Told;
  readonly #told = new WeakMap<Dependent, number>();

  constructor(to: Told) {
    this.#to = to;
  }

  /** A server's weight by its feedback was `from` until now. */
  moved(one: Dependent, from: number, states: CheckStates): void {
    const { log, histories } = this.#to;
    const { service, server, weight: configured } = one;
    const weight = weightAsked(one, states);
    const reason = feedbackFactor(one.watched, states)?.reason ?? 'its feedback counts no longer';
    const at = new Date().toISOString();
    const moved = { from, to: weight, changes: 1, since: at };
    histories.record(service, server, { at, to: 'weighed', reason, weight: moved });
    const told = this.#told.get(one) ?? from;
    if (!isWorthTelling(told, weight, configured)) {
      this.#told.set(one, told);
      return;
    }
    this.#told.set(one, weight);
    log.info('feedback_weight', { service, server, weight, was: told, configured, reason });
  }
}

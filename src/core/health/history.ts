/** What became of a server, and why: its last transitions. */
import type { ServiceKey } from '../model/service.ts';

/** `up` and `down` by its checks, `held` down by flap damping; the others by an operator, or by a drain's deadline. */
export const TURNS = ['up', 'down', 'held', 'drained', 'disabled', 'enabled'] as const;
export type Turn = (typeof TURNS)[number];

/** One transition. */
export interface Transition {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly to: Turn;
  /** A few words for people; of an operator, his own. Empty for none. */
  readonly reason: string;
}

/** The transitions of one server of one service, the oldest first. */
export interface ServerHistory {
  readonly service: ServiceKey;
  /** The server's endpoint in text. */
  readonly server: string;
  readonly transitions: readonly Transition[];
}

/** The most transitions of one server that are kept. */
export const MAX_TRANSITIONS = 16;

/** The transitions after one more; the oldest makes room. */
export const withTransition = (before: readonly Transition[], next: Transition): readonly Transition[] =>
  [...before, next].slice(-MAX_TRANSITIONS);

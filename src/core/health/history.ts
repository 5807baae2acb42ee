/** What became of a server, and why: its last transitions. */
import type { ServiceKey } from '../model/service.ts';

/**
 * `up` and `down` by its checks, `held` down by flap damping, `weighed` by its feedback; the others by an operator, or by a
 * drain's deadline.
 */
export const TURNS = ['up', 'down', 'held', 'weighed', 'drained', 'disabled', 'enabled'] as const;
export type Turn = (typeof TURNS)[number];

/** How feedback has moved a weight. */
export interface Weighed {
  /** The weight before the first change and after the last; of the configured one, by feedback alone. */
  readonly from: number;
  readonly to: number;
  /** How many changes this was. */
  readonly changes: number;
  /** When the first of them was. ISO 8601, UTC. */
  readonly since: string;
}

/** One transition. */
export interface Transition {
  /** ISO 8601, UTC; of several changes that stand together, the last. */
  readonly at: string;
  readonly to: Turn;
  /** A few words for people; of an operator, his own. Empty for none. */
  readonly reason: string;
  /** Only of `weighed`. */
  readonly weight?: Weighed;
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
/** How many of them may be changes of its weight by feedback: those must not push out what took it down. */
export const MAX_WEIGHED = 4;
/** Changes of a weight in so many milliseconds, with nothing between them, stand together. */
export const TOGETHER_MS = 600_000;

/** The transitions after one more. A change of weight joins the one before it; the oldest makes room. */
export function withTransition(before: readonly Transition[], next: Transition): readonly Transition[] {
  const last = before.at(-1);
  const all =
    next.weight !== undefined && last?.weight !== undefined && isTogether(last.weight, next)
      ? [...before.slice(0, -1), joined(last.weight, next, next.weight)]
      : [...before, next];
  const weighed = all.filter(({ weight }) => weight !== undefined);
  const oldest = weighed.length > MAX_WEIGHED ? weighed[0] : undefined;
  return all.filter((one) => one !== oldest).slice(-MAX_TRANSITIONS);
}

const isTogether = ({ since }: Weighed, { at }: Transition): boolean =>
  Math.abs(Date.parse(at) - Date.parse(since)) < TOGETHER_MS;

const joined = ({ from, changes, since }: Weighed, next: Transition, { to }: Weighed): Transition => ({
  ...next,
  weight: { from, to, changes: changes + 1, since },
});

/** For people: `100 → 25, it asks for 25% of its weight`. */
export function transitionText({ reason, weight }: Transition): string {
  if (weight === undefined) return reason;
  const { from, to, changes, since } = weight;
  const many = changes === 1 ? '' : ` in ${changes} changes since ${since.slice(0, 19)}Z`;
  return `weight ${from} → ${to}${many}: ${reason}`;
}

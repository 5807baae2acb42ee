/** What schedulers look at, and what they answer: the reference for bpf/schedule.h. */

/** A real server as a scheduler sees it. */
export interface Candidate {
  /** 0–65535; 0 is never chosen. */
  readonly weight: number;
  /** TCP connections up to ESTABLISHED. */
  readonly active: number;
  /** Connections in any other state. */
  readonly inactive: number;
}

/** Chooses among servers: the index of the one for the next connection, undefined when nobody is eligible. */
export type Schedule = (candidates: readonly Candidate[], turn: number) => number | undefined;

/** Indices of those with a weight above 0, in order. */
export function eligible(candidates: readonly Candidate[]): number[] {
  return candidates.flatMap((candidate, index) => (candidate.weight > 0 ? [index] : []));
}

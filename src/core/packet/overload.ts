/** Thresholds of real servers: the reference for bpf/overload.h, without its races. */
import type { RealServer } from '../model/service.ts';

/** Numbers of connections by which a scheduler leaves a server out; 0 for none. */
export interface Thresholds {
  readonly upper: number;
  readonly lower: number;
}

/** A server's thresholds as the packet path has them. */
export function thresholdsFrom({
  upper_threshold: upper = 0,
  lower_threshold: lower = 0,
}: Partial<RealServer>): Thresholds {
  return { upper, lower };
}

interface Loaded {
  readonly active: number;
  readonly inactive: number;
  readonly thresholds: Thresholds;
  /** The upper threshold that it reached and has not left behind since; 0 for none. */
  overloaded: number;
}

function isRelieved({ active, inactive, thresholds: { upper, lower } }: Loaded): boolean {
  const total = active + inactive;
  if (upper === 0) return true;
  return lower > 0 ? total < lower : total * 4 < upper * 3;
}

/** Takes note of a connection that has begun, and is counted. */
export function connectionEnters(server: Loaded): void {
  const { upper } = server.thresholds;
  if (upper > 0 && server.active + server.inactive >= upper) server.overloaded = upper;
}

/** Takes note of a connection that has ended, and is counted no more. */
export function connectionLeaves(server: Loaded): void {
  if (isRelieved(server)) server.overloaded = 0;
}

/** Whether schedulers leave the server out; not if its upper threshold has been raised since, or taken away. */
export function isOverloaded({
  thresholds: { upper },
  overloaded,
}: Pick<Loaded, 'thresholds' | 'overloaded'>): boolean {
  return upper > 0 && upper <= overloaded;
}

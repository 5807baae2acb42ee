/** What schedulers look at, and what they answer: the reference for bpf/schedule.h. */
import type { Scheduler, SchedulerFlag } from '../model/service.ts';
import { createLocalities, type Localities } from './locality.ts';

/** A real server as a scheduler sees it. */
export interface Candidate {
  /** In network byte order: 4 or 16 bytes. */
  readonly address: Uint8Array;
  readonly port: number;
  /** 0–65535; 0 is never chosen. */
  readonly weight: number;
  /** The weight it had when it was last above 0, 0 if it never was: mh goes by it (last-weight.ts). */
  readonly lastWeight: number;
  /** TCP connections up to ESTABLISHED. */
  readonly active: number;
  /** Connections in any other state. */
  readonly inactive: number;
  /** True while it is over its upper threshold (packet/overload.ts): not chosen by any scheduler. */
  readonly overloaded?: boolean;
}

/** What a service's scheduler remembers from one connection to the next. */
export interface ScheduleState {
  /** Turns taken by rr, wrr and twos. */
  turns: number;
  /** Servers that lblc and lblcr have given to destinations. */
  readonly localities: Localities;
}

/** Nothing remembered: a service's first connection is still to come. */
export function startState(): ScheduleState {
  return { turns: 0, localities: createLocalities() };
}

/** A service as its scheduler sees it. */
export interface Scheduled<S extends Candidate = Candidate> {
  readonly scheduler: Scheduler;
  /** Flags of its own scheduler only. */
  readonly flags: readonly SchedulerFlag[];
  /** In the order of the configuration. */
  readonly servers: readonly S[];
  readonly state: ScheduleState;
  /** What `tableOf` has made of the servers; made anew each time when it is left out. */
  readonly table?: readonly number[];
}

/** The first packet of a connection, and when it came. */
export interface Request {
  /** The client's address and the destination's: 4 or 16 bytes in network byte order. */
  readonly client: Uint8Array;
  readonly clientPort: number;
  readonly destination: Uint8Array;
  /** A clock that only goes forward, and how long a day is in its unit. */
  readonly now: number;
  readonly day: number;
}

/** Chooses among the servers: the index of the one for the connection, undefined when nobody is to get it. */
export type Schedule = (service: Scheduled, request: Request) => number | undefined;

/** Whether a server may be chosen: it has a weight above 0, and is not overloaded. */
export function isAble({ weight, overloaded = false }: Candidate): boolean {
  return weight > 0 && !overloaded;
}

/** Indices of those with a weight above 0, in order. */
export function eligible(candidates: readonly Candidate[]): number[] {
  return candidates.flatMap((candidate, index) => (candidate.weight > 0 ? [index] : []));
}

/**
 * The first of so many turns, from the service's next one on, whose server is not overloaded. `at` gives the server of the
 * n-th turn from there. The turns passed over are taken, as in ip_vs; when nobody is there, none is.
 */
export function lookOn(
  { servers, state }: Scheduled,
  turns: number,
  at: (turn: number) => number,
): number | undefined {
  for (let n = 0; n < turns; n++) {
    const index = at(state.turns + n);
    if (servers[index]!.overloaded) continue;
    state.turns += n + 1;
    return index;
  }
  return undefined;
}

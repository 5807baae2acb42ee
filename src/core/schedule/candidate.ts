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

/** Indices of those with a weight above 0, in order. */
export function eligible(candidates: readonly Candidate[]): number[] {
  return candidates.flatMap((candidate, index) => (candidate.weight > 0 ? [index] : []));
}

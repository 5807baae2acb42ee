/** What the director asks of a data plane; one folder beside this file implements it per plane. */
import type { Connection } from '../core/model/connection.ts';
import type { ServiceCounters, Verdicts } from '../core/model/counters.ts';
import type { DirectorInterface, Forwarding, PlaneKind } from '../core/model/host.ts';
import type { ServiceKey, VirtualService } from '../core/model/service.ts';
import type { SyncDaemon, SyncRole } from '../core/model/sync-daemon.ts';
import type { ObservedState } from '../core/plan/states.ts';

/** The part of a state that lives in the data plane. */
export type PlaneState = Pick<
  ObservedState,
  'interfaces' | 'forwarding' | 'services' | 'damaged' | 'planeDamage' | 'syncDaemons'
>;

/** Threads that tell other directors of connections. */
export interface SyncDaemonHands {
  /** Starts it, in place of one of its role that runs; it is Weir's from then on. */
  start(daemon: SyncDaemon): void;
  /** Stops the one of this role; nothing where none runs. */
  stop(role: SyncRole): void;
}

/** What one slice of the sweep did. */
export interface SweepReport {
  /** Slots looked at. */
  readonly walked: number;
  /** Connections removed because their time-out had passed. */
  readonly expired: number;
  /** True when this slice ended a pass over the whole table. */
  readonly completed: boolean;
  /** Servers whose counters differed from a walk of the table while neither changed; always empty in a sound plane. */
  readonly differences: readonly string[];
}

/** A plane with tables of another layout, which this one has taken over from: it finishes the connections it has. */
export interface RetiringPlane {
  readonly layout: string;
  /** How many it still has; null until they have been counted once. */
  readonly connections: number | null;
  /** Since when it takes no new ones, and until when it stays at most. ISO 8601, UTC. */
  readonly since: string;
  readonly until: string;
}

/** One that is gone: its connections had ended, or its time had. */
export interface RetiredPlane {
  readonly layout: string;
  readonly why: 'empty' | 'deadline';
  /** How many connections ended with it; null when they were never counted. */
  readonly connections: number | null;
}

/** Which connections to list; an absent field matches all. Texts as `formatEndpoint` or `parseAddress` write them. */
export interface ConnectionFilter {
  readonly service?: ServiceKey;
  readonly client?: string;
  readonly server?: string;
}

/** What of another plane's connections a plane has made its own, and what it has not. */
export interface Adoption {
  /** Connections that go on through this plane. */
  readonly connections: number;
  /** Clients that this plane remembers the server of, as the other one did. */
  readonly templates: number;
  /** Connections that the other plane has to finish. */
  readonly left: number;
  /** Clients that this plane does not remember: their next connection may go to another server. */
  readonly forgotten: number;
}

/** How a plane takes over from one of the other kind, and how it is taken over from (docs/decisions/0027). Each is idempotent. */
export interface Handover {
  /** Takes no new connections yet, though it be attached: those of the other plane are to be adopted first. */
  wait(): void;
  /** Adopts what it can of the other plane's connections. */
  adopt(connections: AsyncIterable<readonly Connection[]>): Promise<Adoption>;
  /** Takes new connections from now on; the other plane has those that it has. */
  lead(): void;
  /** Takes none from now on: the other plane leads. */
  yield(): void;
  /** The other plane is gone. */
  alone(): void;
  /** What this plane has, others' services excepted, and templates included; no connections that have ended some seconds ago. */
  own(): AsyncIterable<readonly Connection[]>;
}

/** A data plane: everything here is idempotent, and none of it disturbs a running connection. */
export interface DataPlane {
  readonly kind: 'bpf' | 'ipvs' | 'simulated';
  /** One line for people: what was loaded or found, and how much memory it takes. */
  readonly description: string;
  /** Memory of its tables in the kernel, in bytes; 0 where it has none there. */
  readonly kernelMemory: number;
  /** Modules of the kernel that these services need at every boot; a plane that needs none has no word for it. */
  readonly modules?: ((services: Iterable<VirtualService>) => readonly string[]) | undefined;
  /** The kind of plane that finishes its connections while this one takes the new ones; absent for none. */
  readonly beside?: PlaneKind | undefined;
  /**
   * Looks at a bounded part of its tables for what somebody else has changed; called over and over, it gets to all of
   * them. What it finds shows in `observe`. It must not overlap a change; it gives the event loop its turn now and then, and
   * ends there once `leave` says that a change is waiting: the next call goes on from that place. A plane whose tables nobody else can reach has none.
   */
  inspect?(leave: () => boolean): Promise<void>;
  /** What is published and attached now: links as they are, services as written and last inspected. */
  observe(): PlaneState;
  /** Puts back what `planeDamage` says; of a plane that nobody else can reach there is none. */
  mend?(): void;
  /** Makes the service, or replaces it as a whole: a packet meets the old one or the new one. */
  publishService(service: VirtualService): void;
  /** Takes no new connections for the service any more; those it has go on until they end. */
  removeService(key: ServiceKey): void;
  /** Connections that are open go on as they did when it becomes `stack`; all change when it becomes `redirect`. */
  setForwarding(to: Forwarding): void;
  attach(side: DirectorInterface): void;
  detach(side: DirectorInterface): void;
  /** Only of a plane that has them; what runs is part of `observe`. */
  readonly syncDaemons?: SyncDaemonHands;
  /** Of these services alone, or of all: to read those of 100,000 servers takes seconds. */
  counters(of?: ReadonlySet<ServiceKey>): readonly ServiceCounters[];
  verdicts(): Verdicts;
  /** Live connections in the order of the table, in chunks so that the event loop gets its turn. */
  connections(filter: ConnectionFilter): AsyncIterable<readonly Connection[]>;
  /** Expires connections in a bounded slice of the table; call it over and over. */
  sweep(): SweepReport;
  /** Lets go of the plane and leaves it running. */
  close(): void;
  /** Removes the plane from the kernel: programs, and, once it is closed, tables. Connections through it end. */
  destroy(): void;
}

/** What the daemon asks of a plane in the kernel besides: to notice what changes beside it, and to take over from another. */
export interface KernelPlane extends DataPlane {
  readonly kind: PlaneKind;
  readonly handover: Handover;
  /** The host's routes are others than before. */
  routesChanged(): void;
  /**
   * Takes over from planes of other layouts, once this one is as configured: they keep the connections they have and get
   * no new ones. Returns the layouts that did until now.
   */
  succeed(): readonly string[];
  /** The planes that this one has taken over from; each stays `lastsMs` milliseconds at most. */
  retiring(lastsMs: number): readonly RetiringPlane[];
  /** Expires and counts a slice of each of their connections, and removes those planes that have none or whose time has come. */
  retireSlice(lastsMs: number): { readonly completed: boolean; readonly retired: readonly RetiredPlane[] };
}

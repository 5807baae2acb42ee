/** All that the packet path remembers between two packets, and what it asks of the world outside. */
import type { Family } from '../address/address.ts';
import type { ConnectionState } from '../model/state.ts';
import { createFragments, FRAGMENT_SECONDS, type FragmentTable } from './fragment-table.ts';
import type { Group, ServerRecord, ServiceRecord } from './service.ts';
import { VERDICTS, type Verdict } from './verdict.ts';

/** Where a packet goes next: an interface and the address whose MAC it is sent to. */
export interface NextHop {
  readonly ifindex: number;
  readonly hop: Uint8Array;
  /** The longest packet that the way takes, in bytes from the IP header on, 68 – 65,535. */
  readonly mtu: number;
}

/** What the host's routing is asked. */
export interface RouteQuery {
  /** The interface that the packet comes in by. */
  readonly ifindex: number;
  readonly source: Uint8Array;
  readonly target: Uint8Array;
  readonly protocol: number;
}

/** Time, chance and routes: the same answers give the same packets. */
export interface Surroundings {
  /** Ticks of a clock that only goes forward; time-outs are counted in them. */
  now(): number;
  /** 0 – 2^32-1. */
  random(): number;
  /** The way to the target; undefined when it leads nowhere. */
  route(query: RouteQuery): NextHop | undefined;
}

/** A tracked connection in its slot. */
export interface TrackedConnection {
  readonly family: Family;
  readonly slot: number;
  readonly protocol: number;
  readonly service: ServiceRecord;
  readonly server: ServerRecord;
  readonly client: Uint8Array;
  readonly clientPort: number;
  readonly virtual: Uint8Array;
  readonly virtualPort: number;
  readonly serverPort: number;
  /** The client's port as the server sees it. */
  seenPort: number;
  state: ConnectionState;
  /** Ticks without a packet after which it has expired. */
  timeout: number;
  /** Tick of the latest packet of either direction. */
  lastSeen: number;
  /** True once the server has sent a packet. */
  replied: boolean;
  routeEpoch: number;
  /** Opened to go by the host's stack. */
  readonly byStack: boolean;
  /** Its slot is none of the table's, and it is over when its packet has left. */
  readonly isOnePacket?: true;
  toServer: NextHop;
  toClient: NextHop;
}

/** Where the connections of a client to a persistent service go; it has a slot as connections do. */
export interface Template {
  readonly state: 'TEMPLATE';
  readonly family: Family;
  readonly slot: number;
  readonly protocol: number;
  readonly service: ServiceRecord;
  readonly server: ServerRecord;
  /** Under the service's mask. */
  readonly client: Uint8Array;
  readonly virtual: Uint8Array;
  /** The service's own, 0 for every port. */
  readonly virtualPort: number;
  /** Ticks that it outlives its latest use. */
  readonly timeout: number;
  /** Tick of its latest use. */
  lastSeen: number;
  /** Tick at which it was last found to control a connection. */
  held: number;
  /** True once it was found to control a connection that the server has answered. */
  replied: boolean;
}

/** The connections and templates of one family; a slot's number is its place. */
export interface ConnectionTable {
  readonly slots: (TrackedConnection | Template | undefined)[];
  /** Numbers of free slots; the last one is taken first. */
  readonly free: number[];
  /** Every slot ever used lies below this. */
  high: number;
}

/** A ring of connections in the order in which they became half-open; some have moved on since. */
export interface HalfOpenQueue {
  readonly places: (TrackedConnection | undefined)[];
  /** The oldest entry, and where the next one goes: both count on, and are places modulo their number. */
  head: number;
  tail: number;
}

/** Places in that ring: at least twice as many as may be half-open, and a power of two. */
export function halfOpenPlaces(limit: number): number {
  return 2 ** Math.ceil(Math.log2(2 * limit));
}

/** Nothing; it takes the new ones, which are noted; or it finishes those it has. */
export type Elder = 'none' | 'leads' | 'finishes';

/** A server of a service that keeps no connections. */
export interface OnePacketServer {
  readonly record: ServiceRecord;
  readonly server: ServerRecord;
}

/** The state of the packet path. */
export interface World {
  readonly surroundings: Surroundings;
  readonly tables: Readonly<Record<Family, ConnectionTable>>;
  /** Addresses and ports as they arrive, from either side → connection. */
  readonly keys: Map<string, TrackedConnection>;
  /** Clients and services → template. */
  readonly templates: Map<string, Template>;
  readonly services: Map<string, ServiceRecord>;
  /** Where servers of services that keep no connections answer from → whose answer it is. */
  readonly onePackets: Map<string, OnePacketServer>;
  readonly halfOpenQueue: HalfOpenQueue;
  /** Published services of several ports or addresses, in the order in which they were published. */
  readonly groups: Map<ServiceRecord, Group>;
  /** Half-open connections now. */
  halfOpen: number;
  /** Half-open connections there may be. */
  halfOpenLimit: number;
  /** Ticks that a template stays after it was last found to control a connection. */
  readonly hold: number;
  /** Raised when routes have changed: connections then ask for theirs again. */
  routeEpoch: number;
  /** False once another plane has taken over: connections go on, new ones are left to it. */
  takesNew: boolean;
  /** What ip_vs, which comes behind, has of the connections. */
  elder: Elder;
  /** A client's packets that were noted as ip_vs's, by `elderKey`. */
  readonly elders: Set<string>;
  /** True when packets go by the host's stack, those of connections opened before excepted. */
  byStack: boolean;
  /** The rate of the path's own answers; `paid` is the tick until when those given so far use it up, those about size by themselves. */
  readonly answers: AnswerRate & { paid: number; paidTooBig: number };
  /** What has come in fragments lately, and the ticks for which later ones follow their first or wait for it. */
  readonly fragments: FragmentTable<TrackedConnection>;
  fragmentTime: number;
  readonly verdicts: Record<Verdict, number>;
}

/** How often the path may answer by itself. */
export interface AnswerRate {
  /** Ticks from one answer to the next; infinite for none at all. */
  readonly interval: number;
  /** Answers at once, at least 1. */
  readonly burst: number;
}

/** How large the tables are, and how often it may answer; default as often as there is reason to. */
export interface WorldSizes {
  readonly connections: Readonly<Record<Family, number>>;
  readonly halfOpen: number;
  readonly answers?: AnswerRate;
  /** Ticks that a template is held for. */
  readonly hold: number;
  /** Entries for fragmented datagrams. Default 8,192. */
  readonly fragments?: number;
  /** Ticks in a second. Default 1,000. */
  readonly hz?: number;
}

const emptyTable = (size: number): ConnectionTable => ({
  slots: [],
  free: Array.from({ length: size }, (_, i) => size - 1 - i),
  high: 0,
});

/** A world without services and connections. */
export function createWorld(surroundings: Surroundings, sizes: WorldSizes): World {
  return {
    surroundings,
    tables: { 4: emptyTable(sizes.connections[4]), 6: emptyTable(sizes.connections[6]) },
    keys: new Map(),
    templates: new Map(),
    services: new Map(),
    onePackets: new Map(),
    halfOpenQueue: {
      places: Array.from({ length: halfOpenPlaces(sizes.halfOpen) }, () => undefined),
      head: 0,
      tail: 0,
    },
    groups: new Map(),
    halfOpen: 0,
    halfOpenLimit: sizes.halfOpen,
    hold: sizes.hold,
    routeEpoch: 0,
    takesNew: true,
    elder: 'none',
    elders: new Set(),
    byStack: false,
    answers: { interval: 0, burst: 1, ...sizes.answers, paid: 0, paidTooBig: 0 },
    fragments: createFragments(sizes.fragments ?? 8192),
    fragmentTime: FRAGMENT_SECONDS * (sizes.hz ?? 1000),
    verdicts: Object.fromEntries(VERDICTS.map((name) => [name, 0])) as Record<Verdict, number>,
  };
}

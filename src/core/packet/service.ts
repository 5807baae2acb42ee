/** Services and their real servers as the packet path meets them. */
import type { Endpoint } from '../address/address.ts';
import type { Traffic } from '../model/counters.ts';
import type { PortRange } from '../model/ports.ts';
import type { VirtualService } from '../model/service.ts';
import type { ConnectionState } from '../model/state.ts';
import type { Request, ScheduleState } from '../schedule/candidate.ts';
import { choose } from '../schedule/schedule.ts';
import { isOverloaded, type Thresholds } from './overload.ts';

type Counted = { -readonly [K in keyof Traffic]: number };

/** Counters at zero. */
export function noTraffic(): Counted {
  return { conns: 0, inpkts: 0, outpkts: 0, inbytes: 0, outbytes: 0 };
}

/** A real server within one service; it outlives its place in the configuration while it has connections. */
export interface ServerRecord {
  readonly endpoint: Endpoint;
  readonly address: Uint8Array;
  /** Connections that are active (`isActive`), and all others. */
  active: number;
  inactive: number;
  /** Templates that lead to it. */
  templates: number;
  thresholds: Thresholds;
  /** The upper threshold that it reached and has not left behind since; 0 for none. */
  overloaded: number;
  /** Down, so that its connections end at their clients' next packets. */
  gone: boolean;
  readonly traffic: Counted;
}

/** A virtual service; it outlives its publication while it has connections. */
export interface ServiceRecord {
  service: VirtualService;
  /** The servers of `service.servers`, in that order. */
  members: readonly ServerRecord[];
  /** `service.sorry_server`. */
  sorry: ServerRecord | undefined;
  /** Idle time-outs in ticks. */
  timeouts: Readonly<Record<ConnectionState, number>>;
  /** How long a template outlives its latest use, in ticks, and which bits of a client's address tell clients apart. */
  persistence: { readonly timeout: number; readonly mask: Uint8Array } | undefined;
  /** The servers' last weights above 0, in the same order. */
  lastWeights: readonly number[];
  /** The scheduler's table (schedule/table.ts), made at publication as the kernel's is. */
  table: readonly number[];
  state: ScheduleState;
  /** A day in ticks. */
  day: number;
  readonly traffic: Counted;
}

/** What packets a service of several ports or addresses takes. */
export interface Group {
  readonly protocol: number;
  /** The prefix and its length in bits. */
  readonly address: Uint8Array;
  readonly length: number;
  readonly ranges: readonly PortRange[];
}

/** Where a service is found: its protocol number, address and port. */
export function serviceAt(protocol: number, address: Uint8Array, port: number): string {
  return `${protocol} ${address.join('.')} ${port}`;
}

/** The real server for the next connection; undefined when there is none for it. */
export function chooseServer(
  { service, members, lastWeights, table, state, day }: ServiceRecord,
  request: Omit<Request, 'day'>,
): ServerRecord | undefined {
  const servers = members.map((member, i) => ({
    member,
    address: member.address,
    port: member.endpoint.port,
    weight: service.servers[i]!.weight,
    lastWeight: lastWeights[i]!,
    active: member.active,
    inactive: member.inactive,
    overloaded: isOverloaded(member),
  }));
  const { scheduler, scheduler_flags: flags = [] } = service;
  return choose({ scheduler, flags, servers, state, table }, { ...request, day })?.member;
}

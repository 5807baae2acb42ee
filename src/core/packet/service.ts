/** Services and their real servers as the packet path meets them. */
import type { Endpoint } from '../address/address.ts';
import type { Traffic } from '../model/counters.ts';
import type { VirtualService } from '../model/service.ts';
import type { ConnectionState } from '../model/state.ts';
import { SCHEDULES } from '../schedule/schedule.ts';

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
  readonly traffic: Counted;
}

/** A virtual service; it outlives its publication while it has connections. */
export interface ServiceRecord {
  service: VirtualService;
  /** The servers of `service.servers`, in that order. */
  members: readonly ServerRecord[];
  /** Idle time-outs in ticks. */
  timeouts: Readonly<Record<ConnectionState, number>>;
  /** Turns taken by rr and wrr. */
  turns: number;
  readonly traffic: Counted;
}

/** Where a service is found: its protocol number, address and port. */
export function serviceAt(protocol: number, address: Uint8Array, port: number): string {
  return `${protocol} ${address.join('.')} ${port}`;
}

/** The real server for the next connection; undefined when none has a weight above 0. */
export function choose(record: ServiceRecord): ServerRecord | undefined {
  const { service, members } = record;
  const candidates = members.map(({ active, inactive }, i) => ({
    weight: service.servers[i]!.weight,
    active,
    inactive,
  }));
  if (candidates.every(({ weight }) => weight === 0)) return undefined;
  const place = SCHEDULES[service.scheduler](candidates, record.turns);
  if (service.scheduler === 'rr' || service.scheduler === 'wrr') record.turns++;
  return place === undefined ? undefined : members[place];
}

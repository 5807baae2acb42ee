/** A service as the tables have it: which elements, with what in them. Pure, so that what was written can be compared later. */
import { addressBytes, type Endpoint, familyOf } from '../../core/address/address.ts';
import { maskAddress } from '../../core/model/persistence.ts';
import {
  flagsOf,
  lengthOf,
  type RealServer,
  SCHEDULERS,
  type SchedulerFlag,
  type VirtualService,
} from '../../core/model/service.ts';
import { CONNECTION_STATES } from '../../core/model/state.ts';
import { tableOf } from '../../core/schedule/table.ts';
import { cumulativeWeights, ringOf, strideOf } from '../../core/schedule/wrr.ts';
import * as contract from './contract.generated.ts';
import type { Run } from './runs.ts';
import { addressWords, swapPort } from './words.ts';

/** Places of a service's servers in the order of the table: those of weight 0 last, otherwise as configured. */
const orderOf = ({ servers }: VirtualService): number[] =>
  [...servers.keys()].sort(
    (a, b) => Number(servers[a]!.weight === 0) - Number(servers[b]!.weight === 0) || a - b,
  );

/** A service's members. `idOf` gives a server's number; the last weights are in the order of the configuration. */
export function membersOf(
  service: VirtualService,
  lastWeights: readonly number[],
  idOf: (server: RealServer) => number,
): contract.WeirMember[] {
  const { servers } = service;
  const cumulative = cumulativeWeights(ableWeights(service));
  return orderOf(service).map((at, place) => ({
    server: idOf(servers[at]!),
    weight: servers[at]!.weight,
    cumulative: cumulative[place] ?? 0,
    order: at,
    last_weight: lastWeights[at]!,
    upper_threshold: servers[at]!.upper_threshold ?? 0,
    lower_threshold: servers[at]!.lower_threshold ?? 0,
  }));
}

/** The weights above 0, in the order of the members. */
const ableWeights = (service: VirtualService): number[] =>
  service.servers.map((server) => server.weight).filter((weight) => weight > 0);

/**
 * The turns of wrr, or the table of sh, dh or mh, four to an element; empty for other schedulers, and where turns are
 * computed.
 */
export function turnsOf(
  service: VirtualService,
  lastWeights: readonly number[],
): { elements: contract.WeirTurns[]; length: number } {
  const turns =
    service.scheduler === 'wrr' ? (ringOf(ableWeights(service)) ?? []) : tableBy(service, lastWeights);
  const elements = Array.from({ length: Math.ceil(turns.length / 4) }, (_, place) => ({
    member: [0, 1, 2, 3].map((i) => turns[4 * place + i] ?? 0),
  }));
  return { elements, length: turns.length };
}

/** A scheduler's table by the places of the members. */
function tableBy(service: VirtualService, lastWeights: readonly number[]): number[] {
  const servers = service.servers.map(({ address, port, weight }, i) => ({
    address: addressBytes(address),
    port,
    weight,
    lastWeight: lastWeights[i]!,
  }));
  const places: number[] = [];
  orderOf(service).forEach((at, place) => {
    places[at] = place;
  });
  return tableOf(service.scheduler, servers).map((at) => places[at]!);
}

/** The bit of each flag. */
const FLAG_BITS: Readonly<Record<SchedulerFlag, number>> = {
  'sh-fallback': contract.WEIR_SCHEDULER_FLAG_FALLBACK,
  'sh-port': contract.WEIR_SCHEDULER_FLAG_PORT,
  'mh-fallback': contract.WEIR_SCHEDULER_FLAG_FALLBACK,
  'mh-port': contract.WEIR_SCHEDULER_FLAG_PORT,
};

/** Flags of a service as a number. */
export function flagBits({ scheduler_flags = [], servers }: VirtualService): number {
  const limited = servers.some(({ upper_threshold: upper }) => upper !== undefined);
  const more = limited ? contract.WEIR_SCHEDULER_FLAG_THRESHOLDS : 0;
  return scheduler_flags.reduce((bits, flag) => bits | FLAG_BITS[flag], more);
}

/** Flags of a scheduler by their number; to be spread into a service. */
export function flagsFrom(
  scheduler: VirtualService['scheduler'],
  bits: number,
): Pick<VirtualService, 'scheduler_flags'> {
  const scheduler_flags = flagsOf(scheduler).filter((flag) => bits & FLAG_BITS[flag]);
  return scheduler_flags.length === 0 ? {} : { scheduler_flags };
}

/** Options of a service as a number. */
function optionBits({ sloppy_tcp, secure_tcp, one_packet, persistence, on_down }: VirtualService): number {
  return (
    (sloppy_tcp ? contract.WEIR_OPTION_SLOPPY_TCP : 0) |
    (secure_tcp ? contract.WEIR_OPTION_SECURE_TCP : 0) |
    (one_packet ? contract.WEIR_OPTION_ONE_PACKET : 0) |
    (on_down === 'reset' ? contract.WEIR_OPTION_RESET_ON_DOWN : 0) |
    (persistence?.expire_quiescent_template ? contract.WEIR_OPTION_EXPIRE_QUIESCENT_TEMPLATE : 0)
  );
}

/** Where a published service's parts lie. */
export interface Places {
  readonly id: number;
  readonly key: contract.WeirServiceKey;
  readonly members: Run;
  readonly ring: Run;
  /** The sorry server's number, WEIR_NO_SERVER for none. */
  readonly sorry: number;
  /** Its own ranges in `ports`. */
  readonly ports: Run;
}

/** The part of a slot's record that makes a service persistent; zeroes for one that is not. */
function persistenceRecord(
  { address, persistence }: VirtualService,
  hz: number,
): Pick<contract.WeirService, 'persistence' | 'persistence_ms' | 'mask'> {
  if (persistence === undefined) return { persistence: 0, persistence_ms: 0, mask: [0, 0, 0, 0] };
  return {
    persistence: jiffiesIn(persistence.timeout, hz),
    persistence_ms: persistence.timeout,
    mask: addressWords(maskAddress(familyOf(address), persistence.granularity)),
  };
}

/** Milliseconds in jiffies, of which there are `hz` in a second; rounded up. */
export function jiffiesIn(milliseconds: number, hz: number): number {
  return Math.ceil((milliseconds * hz) / 1000);
}

/** The slot's record. `ringLength` is 0 where the ring array had no room and turns are computed. */
export function slotRecord(
  service: VirtualService,
  { id, key, members, ring, sorry, ports }: Places,
  ringLength: number,
  hz: number,
): contract.WeirService {
  const able = ableWeights(service);
  const cycle = cumulativeWeights(able).at(-1) ?? 0;
  return {
    key,
    id,
    scheduler: SCHEDULERS.indexOf(service.scheduler),
    members: members.start,
    member_count: members.length,
    eligible: able.length,
    ring: ring.start,
    ring_length: ringLength,
    cycle,
    stride: cycle > 0 ? strideOf(cycle) : 0,
    ...persistenceRecord(service, hz),
    scheduler_flags: flagBits(service),
    sorry,
    no_server: Number(service.no_server === 'drop'),
    ports: ports.start,
    port_count: ports.length,
    prefix_length: ports.length === 0 ? 0 : lengthOf(service),
    options: optionBits(service),
  };
}

/** The record beside both slots; `hz` is the kernel's timer interrupts a second. */
export function stateRecord(service: VirtualService, slot: number, hz: number): contract.WeirServiceState {
  const timeouts_ms = Array.from({ length: contract.WEIR_STATE_MAX }, () => 0);
  CONNECTION_STATES.forEach((name, i) => {
    timeouts_ms[contract.WEIR_STATE_NONE + i] =
      service.timeouts[name.toLowerCase() as Lowercase<typeof name>];
  });
  return {
    timeouts_ms,
    timeouts: timeouts_ms.map((ms) => jiffiesIn(ms, hz)),
    slot,
    flags:
      contract.WEIR_SERVICE_IN_USE |
      (service.persistence === undefined ? 0 : contract.WEIR_SERVICE_PERSISTENT) |
      (service.secure_tcp ? contract.WEIR_SERVICE_SECURE_TCP : 0),
  };
}

/** The part of a server's record that only we write; the rest are counters. */
export function serverRecord(
  server: Endpoint,
  service: number,
): Pick<contract.WeirServer, 'address' | 'port' | 'flags' | 'service'> {
  return {
    address: addressWords(server.address),
    port: swapPort(server.port),
    flags: contract.WEIR_SERVER_IN_USE,
    service,
  };
}

/** The first field in which `found` differs from `wanted`, in words; undefined if there is none. Nested records and arrays count as one field. */
export function firstDifference<T extends object>(wanted: T, found: object): string | undefined {
  for (const [name, value] of Object.entries(wanted)) {
    const other: unknown = found[name as keyof typeof found];
    if (value === other) continue;
    if (typeof value !== 'object') return `${name} is ${String(other)}, not ${String(value)}`;
    const [expected, present] = [JSON.stringify(value), JSON.stringify(other)];
    if (expected !== present) return `${name} is ${present}, not ${expected}`;
  }
  return undefined;
}

/** Plays the same events to the kernel and to the reference, and tells the first difference. */
import { addressBytes, type Family, formatEndpoint } from '../../src/core/address/address.ts';
import { DEFAULT_LIMITS } from '../../src/core/model/config.ts';
import type { ServiceCounters } from '../../src/core/model/counters.ts';
import type { Side } from '../../src/core/model/host.ts';
import { serviceKey } from '../../src/core/model/service.ts';
import { LISTED_STATES } from '../../src/core/model/state.ts';
import { read16, sameBytes } from '../../src/core/packet/bytes.ts';
import type { Outcome } from '../../src/core/packet/outcome.ts';
import { isTemplate } from '../../src/core/packet/template.ts';
import type { Action } from '../../src/core/packet/verdict.ts';
import type { Elder, Template, TrackedConnection } from '../../src/core/packet/world.ts';
import * as contract from '../../src/dataplane/bpf/contract.generated.ts';
import { readCounters, readVerdicts } from '../../src/dataplane/bpf/counters.ts';
import { runSweep } from '../../src/dataplane/bpf/sweep.ts';
import { swapPort } from '../../src/dataplane/bpf/words.ts';
import { openSimulatedPlane, type SimulatedPlane } from '../../src/dataplane/simulated/plane.ts';
import { sweepSlice } from '../../src/dataplane/simulated/sweep.ts';
import { SERVICES, STEP } from './event-services.ts';
import { type Event, FRAGMENT_TIME, withHealth } from './events.ts';
import {
  age,
  ageFragments,
  changeLive,
  connectionsOf,
  fragmentsOf,
  GSO_SIZE,
  isTemplate as isTemplateSlot,
  type Kernel,
  runPacket,
  type Slot,
} from './kernel.ts';
import { countKinds } from './kinds.ts';
import { siteRoute } from './site.ts';
import { openSlotsSeen, type SlotsSeen } from './slots-seen.ts';
import { writeFrame } from './write-frame.ts';

/** In the order of enum weir_elder. */
const ELDERS: readonly Elder[] = ['none', 'leads', 'finishes'];

/** Where the two first differ. */
export interface Difference {
  /** Index of the event after which they did; the number of events for a difference that only the end has shown. */
  readonly event: number;
  readonly what: string;
  readonly kernel: string;
  readonly reference: string;
}

/** What has been seen, so that a run can say that it has seen enough. */
export interface Tally {
  packets: number;
  /** Frames that have arrived anew. */
  again: number;
  readonly actions: Record<string, number>;
  readonly verdicts: Record<string, number>;
  /** Packets of each kind, before what became of them. */
  readonly kinds: Record<string, number>;
  /** Connections opened by each scheduler. */
  readonly schedulers: Record<string, number>;
}

/** A reference beside the kernel: the same interfaces and routes, and the kernel's own choice of ports. */
function openReference(kernel: Kernel, clock: { now: number }): SimulatedPlane {
  const { interfaces, tables } = kernel;
  const { half_open_limit, answer_rate, answer_burst } = tables.settings.get(0);
  const chance = { port: () => 0 };
  const plane = openSimulatedPlane({
    limits: {
      connections_ipv4: tables.room[4],
      connections_ipv6: tables.room[6],
      half_open: half_open_limit,
      fragments: DEFAULT_LIMITS.fragments,
      answer_rate,
      answer_burst,
    },
    interfaces: new Map([
      ['eth0', interfaces.public],
      ['eth1', interfaces.private],
    ]),
    now: () => clock.now,
    random: () => chance.port(),
    route: (query) => siteRoute(interfaces, query),
  });
  plane.attach({ name: 'eth0', side: 'public' });
  plane.attach({ name: 'eth1', side: 'private' });
  for (const service of SERVICES) plane.publishService(service);
  plane.world.fragmentTime = FRAGMENT_TIME;
  // The kernel has run first: the slot that the reference fills at this moment holds the port that it chose.
  const filling = (family: Family): number => {
    const { slots, free, high } = plane.world.tables[family];
    return Array.from({ length: high }, (_, i) => i).find((i) => !slots[i] && !free.includes(i)) ?? 0;
  };
  const receive = plane.receive;
  return {
    ...plane,
    receive: (name, frame, gsoSize) => {
      const family = read16(frame, 12) === 0x86dd ? 6 : 4;
      chance.port = () => swapPort(connectionsOf(tables, family).get(filling(family)).head.seen_port);
      return receive(name, frame, gsoSize);
    },
  };
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
const words = (value: number | readonly number[], length: number): string =>
  hex(
    new Uint8Array(Uint32Array.from(typeof value === 'number' ? [value] : value).buffer).subarray(0, length),
  );

/** A slot of the kernel's in plain words; undefined for a free one. */
function describeSlot(kernel: Kernel, slot: Slot): string | undefined {
  const { head } = slot;
  const state = LISTED_STATES[Number(head.word & 0xfn) - contract.WEIR_STATE_NONE];
  if (state === undefined) return undefined;
  const width = typeof slot.client === 'number' ? 4 : 16;
  const { registry, tables } = kernel.publisher;
  const hop = tables.servers.get(head.server);
  const common = [
    state,
    Number((head.word >> 4n) & 0xffffffffn),
    head.protocol & ~(contract.WEIR_TEMPLATE_PROTOCOL | contract.WEIR_GROUP_PROTOCOL),
    registry.byId.get(head.service)?.key,
    words(slot.client, width),
    swapPort(head.client_port),
    words(slot.virtual_ip, width),
    // A template of several ports or addresses has a number there.
    head.protocol & contract.WEIR_GROUP_PROTOCOL ? 0 : swapPort(head.virtual_port),
    words(slot.server, width),
    swapPort(head.server_port),
    words(hop.address, width),
  ];
  if (state === 'TEMPLATE') return [...common, head.replied === 1 ? 'answered' : 'unanswered'].join(' ');
  return [
    ...common,
    `seen ${swapPort(head.seen_port)}`,
    head.replied === 1 ? 'replied' : 'unanswered',
    `epoch ${head.route_epoch}`,
    head.by_stack === 1 ? 'by the stack' : 'redirected',
    `to server ${head.server_ifindex} ${words(slot.server_hop, width)} ${slot.server_mtu}`,
    `to client ${head.client_ifindex} ${words(slot.client_hop, width)} ${slot.client_mtu}`,
  ].join(' ');
}

/** A connection of the reference in the same words. */
function describeTracked(one: TrackedConnection | Template | undefined): string | undefined {
  if (one === undefined) return undefined;
  if (isTemplate(one)) return describeTemplate(one);
  const way = ({ ifindex, hop, mtu }: TrackedConnection['toServer']) => `${ifindex} ${hex(hop)} ${mtu}`;
  return [
    one.state,
    one.timeout,
    one.protocol,
    serviceKey(one.service.service),
    hex(one.client),
    one.clientPort,
    hex(one.virtual),
    one.virtualPort,
    hex(one.server.address),
    one.serverPort,
    hex(addressBytes(one.server.endpoint.address)),
    `seen ${one.seenPort}`,
    one.replied ? 'replied' : 'unanswered',
    `epoch ${one.routeEpoch}`,
    one.byStack ? 'by the stack' : 'redirected',
    `to server ${way(one.toServer)}`,
    `to client ${way(one.toClient)}`,
  ].join(' ');
}

function describeTemplate(one: Template): string {
  return [
    one.state,
    one.timeout,
    one.protocol,
    serviceKey(one.service.service),
    hex(one.client),
    0,
    hex(one.virtual),
    one.virtualPort,
    hex(one.server.address),
    one.server.endpoint.port,
    hex(one.server.address),
    one.replied ? 'answered' : 'unanswered',
  ].join(' ');
}

/** Both sides of a comparison, and what has been compared of them. */
interface Pair {
  readonly kernel: Kernel;
  readonly plane: SimulatedPlane;
  readonly seen: Readonly<Record<Family, SlotsSeen>>;
}

/** Compares every slot ever used that is not as it was the last time. */
function compareTables({ kernel, plane: { world }, seen }: Pair): Omit<Difference, 'event'> | undefined {
  const tally = kernel.tables.tally.get(0);
  for (const family of [4, 6] as const) {
    const high = Math.max(family === 4 ? tally.high4 : tally.high6, world.tables[family].high);
    for (const i of seen[family].changed(high)) {
      const slot = connectionsOf(kernel.tables, family).get(i);
      const [ours, theirs] = [describeTracked(world.tables[family].slots[i]), describeSlot(kernel, slot)];
      if (ours !== theirs)
        return { what: `IPv${family} slot ${i}`, kernel: theirs ?? 'free', reference: ours ?? 'free' };
    }
  }
  return undefined;
}

function compareCounters({ kernel, plane }: Pair): Omit<Difference, 'event'> | undefined {
  const { tables, registry } = kernel.publisher;
  const pairs = [
    ['verdicts', readVerdicts(tables), plane.verdicts()],
    ['counters', inOrder(readCounters(tables, registry)), inOrder(plane.counters())],
    ['fragments', countFates(tables), plane.world.fragments.count()],
    ['half-open', Number(tables.tally.get(0).half_open), plane.world.halfOpen],
  ] as const;
  for (const [what, theirs, ours] of pairs) {
    const [a, b] = [canonical(theirs), canonical(ours)];
    if (a !== b) return { what, kernel: a, reference: b };
  }
  return undefined;
}

/** Those that are leaving in one order: a server that comes back may have another number. */
const inOrder = (services: readonly ServiceCounters[]): readonly ServiceCounters[] =>
  services.map(({ servers, ...service }) => {
    const leaving = servers.filter((one) => one.leaving);
    leaving.sort((a, b) => (formatEndpoint(a) < formatEndpoint(b) ? -1 : 1));
    return { ...service, servers: [...servers.filter((one) => !one.leaving), ...leaving] };
  });

const FATES = ['waits', 'follows', 'passes', 'falls'] as const;

function countFates(tables: Kernel['tables']): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { fate } of fragmentsOf(tables)) counts[FATES[fate]!] = (counts[FATES[fate]!] ?? 0) + 1;
  return counts;
}

/** JSON with the keys of every object in order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) =>
    one !== null && typeof one === 'object' && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
}

/** Plays the events from the first day on; undefined when both have done the same all along. */
export function play(kernel: Kernel, events: readonly Event[], tally?: Tally): Difference | undefined {
  kernel.reset();
  const clock = { now: 0 };
  const plane = openReference(kernel, clock);
  const seenOf = (family: Family) => openSlotsSeen(kernel.tables, plane.world.tables[family], family);
  const pair: Pair = { kernel, plane, seen: { 4: seenOf(4), 6: seenOf(6) } };
  for (const [i, event] of events.entries()) {
    const difference = playOne(pair, clock, event, tally);
    if (difference !== undefined) return { event: i, ...difference };
  }
  const difference = compareTables(pair) ?? compareCounters(pair);
  if (tally !== undefined) {
    for (const [name, count] of Object.entries(plane.verdicts()))
      tally.verdicts[name] = (tally.verdicts[name] ?? 0) + count;
    for (const { scheduler, conns } of plane.counters())
      tally.schedulers[scheduler] = (tally.schedulers[scheduler] ?? 0) + conns;
  }
  return difference && { event: events.length, ...difference };
}

function playOne(
  pair: Pair,
  clock: { now: number },
  event: Event,
  tally: Tally | undefined,
): Omit<Difference, 'event'> | undefined {
  const { kernel, plane } = pair;
  const { tables, interfaces } = kernel;
  switch (event.kind) {
    case 'wait':
      clock.now += event.steps * STEP;
      age(tables, event.steps * STEP);
      ageFragments(tables, event.steps * STEP);
      return undefined;
    case 'sweep':
      for (const family of [4, 6] as const) runSweep(tables, family, 0, connectionsOf(tables, family).size);
      // By itself: servers that have left and been swept keep their numbers here, as they do in the kernel's tables.
      for (const family of [4, 6] as const) sweepSlice(plane.world, { family, from: 0 }, []);
      return compareTables(pair);
    case 'health': {
      const service = withHealth(SERVICES[event.service]!, event);
      kernel.publish(service);
      plane.publishService(service);
      return undefined;
    }
    case 'routes':
      forgetRoutes(kernel, plane);
      return undefined;
    case 'forwarding':
      plane.setForwarding(event.to);
      tables.settings.set(0, { ...tables.settings.get(0), by_stack: event.to === 'stack' ? 1 : 0 });
      return undefined;
    case 'takes_new':
      plane.world.takesNew = event.takes;
      tables.settings.set(0, { ...tables.settings.get(0), no_new_since: event.takes ? 0 : 1 });
      return undefined;
    case 'elder':
      plane.world.elder = event.elder;
      tables.settings.set(0, { ...tables.settings.get(0), elder: ELDERS.indexOf(event.elder) });
      return undefined;
    default: {
      if (tally !== undefined) countKinds(event, tally.kinds);
      const { frame, gso } = writeFrame(plane.world, event, interfaces[event.side].mac);
      return playFrame(pair, event.side, frame, gso, tally);
    }
  }
}

/** What has become of a frame, on either side. */
type Became = Readonly<{ action: Action; frame: Uint8Array }>;

const sameFrame = (a: Became, b: Became): boolean => a.action === b.action && sameBytes(a.frame, b.frame);

/** One frame, and after it those that the path has arrive anew. */
function playFrame(
  pair: Pair,
  side: Side,
  frame: Uint8Array,
  gso: boolean,
  tally: Tally | undefined,
): Omit<Difference, 'event'> | undefined {
  const { plane } = pair;
  const { tables, interfaces } = pair.kernel;
  const size = gso ? GSO_SIZE : 0;
  let theirs: Became = runPacket(tables, interfaces, side, frame, gso);
  let ours: Outcome = plane.receive(side === 'public' ? 'eth0' : 'eth1', frame, size);
  // What the private side leaves to the stack leaves, as far as this test goes, by the public one.
  if (side === 'private' && plane.world.byStack && ours.action === 'NEXT' && sameFrame(theirs, ours)) {
    theirs = runPacket(tables, interfaces, 'egress', frame, gso);
    ours = plane.leave('eth0', frame, size);
  }
  if (tally !== undefined) {
    tally.packets++;
    tally.actions[ours.action] = (tally.actions[ours.action] ?? 0) + 1;
    tally.again += ours.again?.length ?? 0;
  }
  if (!sameFrame(theirs, ours))
    return {
      what: `frame ${hex(frame)}${gso ? ' (gso)' : ''}`,
      kernel: `${theirs.action} ${hex(theirs.frame)}`,
      reference: `${ours.action} ${hex(ours.frame)}`,
    };
  for (const again of ours.again ?? []) {
    const difference = playFrame(pair, side, again, false, tally);
    if (difference !== undefined) return difference;
  }
  return ours.action === 'NEXT' && !plane.world.byStack ? undefined : compareTables(pair);
}

/** Both forget every next hop, and are told that routes have changed. */
function forgetRoutes({ tables }: Kernel, plane: SimulatedPlane): void {
  const { world } = plane;
  for (const family of [4, 6] as const)
    for (const one of world.tables[family].slots)
      if (one !== undefined && !isTemplate(one))
        for (const way of ['toServer', 'toClient'] as const) one[way] = { ...one[way], ifindex: 0 };
  changeLive(tables, (slot) => (isTemplateSlot(slot) ? {} : { server_ifindex: 0, client_ifindex: 0 }));
  plane.routesChanged();
  tables.settings.set(0, { ...tables.settings.get(0), route_epoch: world.routeEpoch });
}

/**
 * The packet path in the kernel, packet by packet: BPF_PROG_TEST_RUN inside a lab's director. Its tables can be put
 * back to their first day, so that a sequence of packets can be played again.
 */
import koffi from 'koffi';
import type { Family } from '../../src/core/address/address.ts';
import type { Limits } from '../../src/core/model/config.ts';
import type { Side } from '../../src/core/model/host.ts';
import { TEMPLATE_HOLD_MS } from '../../src/core/model/persistence.ts';
import { type ServiceKey, serviceKey, type VirtualService } from '../../src/core/model/service.ts';
import type { Action } from '../../src/core/packet/verdict.ts';
import * as contract from '../../src/dataplane/bpf/contract.generated.ts';
import type { ArrayMap } from '../../src/dataplane/bpf/map.ts';
import { type Publisher, publishService } from '../../src/dataplane/bpf/publish.ts';
import { jiffiesIn } from '../../src/dataplane/bpf/records.ts';
import { readRegistry } from '../../src/dataplane/bpf/registry.ts';
import { REST_MS, RunAllocator } from '../../src/dataplane/bpf/runs.ts';
import { openTables, type Tables, unpinAll } from '../../src/dataplane/bpf/tables.ts';
import { libbpf } from '../../src/kernel/libbpf.ts';
import { makePins, removePins } from '../support/pins.ts';
import { readEntrance, skbContext } from '../support/test-run.ts';
import { FRAGMENT_TIME } from './events.ts';
import type { Interfaces } from './site.ts';

/** TCX_NEXT, TCX_DROP, TCX_REDIRECT. */
const ACTIONS = new Map<number, Action>([
  [-1, 'NEXT'],
  [2, 'DROP'],
  [7, 'REDIRECT'],
]);

/** The director's interfaces as ip(8) has them, from inside its namespace. */
export function readInterfaces(): Interfaces {
  return { public: readEntrance('eth0'), private: readEntrance('eth1') };
}

/** Payload of each segment that a frame is to be cut into, where it is; some headers make that too long. */
export const GSO_SIZE = 1448;

/** Runs the program of one side over a frame, or that of the public interface's egress. */
export function runPacket(
  tables: Tables,
  interfaces: Interfaces,
  side: Side | 'egress',
  frame: Uint8Array,
  gso = false,
): { action: Action; frame: Uint8Array } {
  const { ifindex } = interfaces[side === 'egress' ? 'public' : side];
  const context = skbContext({ ifindex, gsoSize: gso ? GSO_SIZE : 0 });
  const result = tables.bpf.runPacket(tables.programs[side], frame, { context });
  const action = ACTIONS.get(result.verdict);
  if (action === undefined) throw new Error(`a program answered ${result.verdict}, which is no verdict`);
  return { action, frame: result.frame };
}

/** A connection's slot, as the contract has it. */
export type Slot = contract.WeirConnection4 | contract.WeirConnection6;

/** The tables of the connections of one family. */
export function connectionsOf(tables: Tables, family: Family) {
  return family === 4 ? tables.connections4 : tables.connections6;
}

/** Lets the connections of a plane grow older by some jiffies. */
export function age(tables: Tables, jiffies: number): void {
  const older = (then: number) => (then - jiffies) >>> 0;
  changeLive(tables, (slot) => ({
    last_seen: older(slot.head.last_seen),
    ...(isTemplate(slot) && { server_ifindex: older(slot.head.server_ifindex) }),
  }));
}

/** Tells a template's slot from a connection's. */
export function isTemplate({ head }: Slot): boolean {
  return Number(head.word & 0xfn) === contract.WEIR_STATE_TEMPLATE;
}

/** Lets fragments grow older by some jiffies. */
export function ageFragments(tables: Tables, jiffies: number): void {
  for (const name of ['fragments', 'held'] as const) {
    const at = contract.LAYOUTS[FRAGMENT_MAPS[name]].fields.since;
    for (const { fd, key, value } of elementsOf(tables, name)) {
      const view = new DataView(value.buffer);
      view.setUint32(at, (view.getUint32(at, true) - jiffies) >>> 0, true);
      tables.bpf.update(fd, key, value);
    }
  }
}

/** Entries for fragmented datagrams. */
export function fragmentsOf(tables: Tables): contract.WeirFragment[] {
  const values = [...elementsOf(tables, 'fragments')].map(({ value }) => value);
  return values.map((value) => contract.readWeirFragment(new DataView(value.buffer)));
}

/** Frames that wait for the first of their datagram, by their key, in the order in which they came. */
export function heldFrames(tables: Tables): ReadonlyMap<string, Uint8Array> {
  const { length, bytes } = contract.LAYOUTS.weir_held.fields;
  const held = [...elementsOf(tables, 'held')].map(({ key, value }) => {
    const end = bytes + new DataView(value.buffer).getUint32(length, true);
    return { key, frame: value.subarray(bytes, end) };
  });
  // The number is the key's last byte.
  held.sort((a, b) => a.key.at(-1)! - b.key.at(-1)!);
  return new Map(held.map(({ key, frame }) => [key.join(), frame]));
}

const FRAGMENT_MAPS = { fragments: 'weir_fragment', held: 'weir_held' } as const;

function* elementsOf({ bpf, directory }: Tables, name: keyof typeof FRAGMENT_MAPS) {
  const fd = bpf.getPinned(`${directory}/${name}`)!;
  const keys: Uint8Array[] = [];
  for (let key: Uint8Array | null = null; ; ) {
    const next = new Uint8Array(contract.LAYOUTS.weir_fragment_key.size);
    if (!bpf.nextKey(fd, key, next)) break;
    keys.push(next);
    key = next;
  }
  for (const key of keys) {
    const value = new Uint8Array(contract.LAYOUTS[FRAGMENT_MAPS[name]].size);
    if (bpf.lookup(fd, key, value)) yield { fd, key, value };
  }
  bpf.closeFd(fd);
}

/** Empties a map of fragments. */
function emptyFragments({ bpf, directory }: Tables, name: keyof typeof FRAGMENT_MAPS): void {
  const fd = bpf.getPinned(`${directory}/${name}`)!;
  const key = new Uint8Array(contract.LAYOUTS.weir_fragment_key.size);
  while (bpf.nextKey(fd, null, key)) bpf.remove(fd, key);
  bpf.closeFd(fd);
}

/** Changes the heads of all live connections. */
export function changeLive(tables: Tables, change: (slot: Slot) => Partial<contract.WeirConnection>): void {
  const { high4, high6 } = tables.tally.get(0);
  for (const [i, slot] of tables.connections4.range(0, high4))
    if (Number(slot.head.word & 0xfn) >= contract.WEIR_STATE_NONE)
      tables.connections4.set(i, { ...slot, head: { ...slot.head, ...change(slot) } });
  for (const [i, slot] of tables.connections6.range(0, high6))
    if (Number(slot.head.word & 0xfn) >= contract.WEIR_STATE_NONE)
      tables.connections6.set(i, { ...slot, head: { ...slot.head, ...change(slot) } });
}

/** The kernel's side of a comparison. */
export interface Kernel {
  readonly tables: Tables;
  readonly publisher: Publisher;
  readonly interfaces: Interfaces;
  /** Publishes one of the services otherwise, until `reset`. */
  publish(service: VirtualService): void;
  /** Forgets every connection and every count; services are as they were at first. */
  reset(): void;
  close(): void;
}

/** Loads the packet path with tables of its own and publishes the services; `hz` pretends jiffies a second. */
export function openKernel(
  limits: Limits,
  services: readonly VirtualService[],
  hz: number,
  object = 'dist/director.bpf.o',
): Kernel {
  const pins = makePins();
  let clock = 0;
  const changed = new Set<ServiceKey>();
  const tables = openTables(libbpf(), object, pins, limits);
  const publisher: Publisher = {
    tables,
    registry: readRegistry(tables),
    members: new RunAllocator(tables.members.size),
    rings: new RunAllocator(tables.rings.size),
    ports: new RunAllocator(tables.ports.size),
    hz,
    // Packets are sent one by one, and nobody is reading while something is published: nothing needs any rest.
    now: () => {
      clock += 2 * REST_MS;
      return clock;
    },
  };
  for (const service of services) publishService(publisher, service);
  const stacks = openStacks(tables);
  const settings = {
    ...tables.settings.get(0),
    half_open_limit: limits.half_open,
    route_epoch: 0,
    ...ratesOf(limits),
    hold: jiffiesIn(TEMPLATE_HOLD_MS, hz),
    fragment_time: FRAGMENT_TIME,
  };
  const reset = (): void => {
    for (const service of services)
      if (changed.delete(serviceKey(service))) publishService(publisher, service);
    const { high4, high6, half_open_tail } = tables.tally.get(0);
    emptyFragments(tables, 'fragments');
    emptyFragments(tables, 'held');
    for (let key = tables.elders.next(undefined); key !== undefined; key = tables.elders.next(undefined))
      tables.elders.delete(key);
    clear(tables, tables.keys4);
    clear(tables, tables.keys6);
    clear(tables, tables.connections4, high4);
    clear(tables, tables.connections6, high6);
    stacks.refill('free4', limits.connections_ipv4);
    stacks.refill('free6', limits.connections_ipv6);
    clear(tables, tables.halfOpen, Math.min(half_open_tail, tables.halfOpen.size));
    clear(tables, tables.tally);
    tables.settings.set(0, settings);
    for (let verdict = 0; verdict < contract.WEIR_VERDICT_MAX; verdict++) tables.verdicts.clear(verdict);
    clearCounters(publisher);
  };
  reset();
  return {
    tables,
    publisher,
    interfaces: readInterfaces(),
    publish: (service) => {
      changed.add(serviceKey(service));
      publishService(publisher, service);
    },
    reset,
    close: () => {
      unpinAll(tables.directory);
      removePins(pins);
      tables.close();
    },
  };
}

const ratesOf = ({ answer_rate, answer_burst }: Limits) => ({ answer_rate, answer_burst });

function clearCounters({ tables, registry }: Publisher): void {
  for (const id of registry.serviceIds) {
    tables.positions.set(id, 0n);
    const place = registry.byId.get(id)?.place;
    if (place !== undefined) tables.localities.delete({ service: id, address: place.address });
    tables.serviceTraffic.clear(id);
  }
  for (const id of registry.serverIds) {
    tables.servers.set(id, {
      ...tables.servers.get(id),
      active: 0,
      inactive: 0,
      templates: 0,
      overloaded: 0,
    });
    tables.serverTraffic.clear(id);
  }
}

/** Sets the first elements of an array to zeroes. */
function clear({ bpf }: Tables, { fd, codec, size }: ArrayMap<unknown>, count = size): void {
  for (let at = 0; at < count; at++)
    bpf.update(fd, new Uint8Array(Uint32Array.of(at).buffer), new Uint8Array(codec.size));
}

/** Stacks, which have no keys. */
function openStacks({ bpf, directory }: Tables) {
  const library = koffi.load('libbpf.so.1');
  const pop = library.func('int bpf_map_lookup_and_delete_elem(int fd, const void *key, void *value)');
  const push = library.func(
    'int bpf_map_update_elem(int fd, const void *key, const void *value, uint64_t flags)',
  );
  const refill = (name: string, count: number): void => {
    const fd = bpf.getPinned(`${directory}/${name}`)!;
    while (pop(fd, null, new Uint32Array(1)) === 0);
    for (let slot = count - 1; slot >= 0; slot--)
      if (push(fd, null, Uint32Array.of(slot), 0) !== 0) throw new Error(`${name} takes no ${slot}`);
    bpf.closeFd(fd);
  };
  return { refill };
}

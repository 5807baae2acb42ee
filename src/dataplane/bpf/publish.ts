/**
 * A service into the tables: everything is written where no packet looks, then one update of the key publishes it.
 * Cut short at any point, the old service stands as it was, and what was written is unused room.
 */
import { type Endpoint, formatEndpoint } from '../../core/address/address.ts';
import {
  endpointsOf,
  isGroup,
  type ServiceKey,
  serviceKey,
  type VirtualService,
} from '../../core/model/service.ts';
import { lastWeights } from '../../core/schedule/last-weight.ts';
import { WEIR_MEMBER_NONE, type WeirLocalityKey } from './contract.generated.ts';
import { leaveNetwork, prepareToJoin, takePorts } from './groups.ts';
import { admit, dismiss, neighbours } from './memberships.ts';
import { forgetOnePackets, forgetOnePacketsOf, writeOnePackets } from './one-packets.ts';
import { ownRanges } from './port-ranges.ts';
import { membersOf, serverRecord, slotRecord, stateRecord, turnsOf } from './records.ts';
import {
  contractKey,
  freeIds,
  type Registry,
  type ServerEntry,
  type ServiceEntry,
  sorryNumber,
} from './registry.ts';
import { awaitReaders } from './rest.ts';
import { REST_MS, type Run, type RunAllocator } from './runs.ts';
import type { Tables } from './tables.ts';
import { writeThresholds } from './thresholds.ts';

/** What publishing works with. */
export interface Publisher {
  readonly tables: Tables;
  readonly registry: Registry;
  readonly members: RunAllocator;
  readonly rings: RunAllocator;
  readonly ports: RunAllocator;
  /** Timer interrupts a second: jiffies. */
  readonly hz: number;
  /** Milliseconds of a clock that only goes forward. */
  now(): number;
}

const NO_RUN: Run = { start: 0, length: 0 };

/** Makes or replaces a service. Throws an Error that names the limit when there is no room. */
export function publishService(to: Publisher, service: VirtualService): void {
  const entry = obtainService(to, service);
  obtainServers(to, entry, endpointsOf(service));
  const weights = lastWeights(
    service.servers,
    entry.published ? { ...entry, servers: entry.service.servers } : { servers: [], lastWeights: [] },
  );
  const elements = membersOf(service, weights, (server) => entry.servers.get(formatEndpoint(server))!.id);
  const members = takeMembers(to, elements.length);
  to.tables.members.setRun(members.start, elements);
  const ring = writeRing(to, service, weights);
  if (ring === undefined) {
    to.members.give(members, to.now());
    throw new Error(
      `no room for another table of the scheduler ${service.scheduler}: some 500 services can have mh, and more sh or dh; give some another scheduler`,
    );
  }
  const slot = freeSlot(to, entry);
  forgetLocality(to, entry, service);
  let written: ReturnType<typeof writePorts>;
  try {
    written = writePorts(to, entry, service);
  } catch (error) {
    to.members.give(members, to.now());
    to.rings.give(ring.run, to.now());
    throw error;
  }
  const { ports, join } = written;
  const { id, place } = entry;
  to.tables.services.set(
    slot,
    slotRecord(
      service,
      { id, key: place, members, ring: ring.run, sorry: sorryNumber(entry, service), ports },
      ring.length,
      to.hz,
    ),
  );
  to.tables.serviceState.set(id, stateRecord(service, slot, to.hz));
  dismiss(to, entry, service);
  writeThresholds(to, entry, service);
  writeOnePackets(to, entry, service);
  if (join === undefined) to.tables.servicesByKey.set(place, slot);
  else to.tables.groups.set(id, slot + 1);
  admit(to, entry, service);
  settle(to, entry, { service, lastWeights: weights, slot, members, ring: ring.run, ports });
  join?.();
  if (!service.one_packet) forgetOnePackets(to, entry);
}

/** Forgets what lblc and lblcr have remembered under another scheduler, or before the service was removed. */
function forgetLocality({ tables }: Publisher, entry: ServiceEntry, service: VirtualService): void {
  if (entry.published && entry.service.scheduler === service.scheduler) return;
  if (isGroup(service)) forgetAll(tables, entry.id, service);
  tables.localities.delete({ service: entry.id, address: entry.place.address });
}

/** Forgets every destination of a service; they are many, and only two schedulers ever remember any. */
function forgetAll(tables: Tables, id: number, { scheduler }: VirtualService): void {
  if (scheduler !== 'lblc' && scheduler !== 'lblcr') return;
  const all: WeirLocalityKey[] = [];
  for (let key = tables.localities.next(undefined); key !== undefined; key = tables.localities.next(key))
    if (key.service === id) all.push(key);
  for (const key of all) tables.localities.delete(key);
}

/** The service's own ranges, where it has some, and what shows the ports of its addresses. Throws an Error without room. */
function writePorts(
  to: Publisher,
  entry: ServiceEntry,
  service: VirtualService,
): { ports: Run; join?: () => void } {
  if (!isGroup(service)) return { ports: NO_RUN };
  const ranges = ownRanges(service, entry.id);
  const ports = takePorts(to, ranges.length);
  to.tables.ports.setRun(ports.start, ranges);
  try {
    return { ports, join: prepareToJoin(to, entry, service) };
  } catch (error) {
    to.ports.give(ports, to.now());
    throw error;
  }
}

/** Takes a key away that somebody else has put there; true if there was one. */
export function removeStranger({ registry }: Publisher, key: ServiceKey): boolean {
  const stranger = registry.strangers.get(key);
  if (stranger === undefined) return false;
  registry.strangers.delete(key);
  return stranger.remove();
}

/** Takes the key away: no new connections. The service keeps its numbers until its last connection has ended. */
export function unpublishService(to: Publisher, entry: ServiceEntry): void {
  dismiss(to, entry);
  if (isGroup(entry.service)) {
    leaveNetwork(to, entry);
    to.tables.groups.set(entry.id, 0);
  } else to.tables.servicesByKey.delete(entry.place);
  to.registry.damage.delete(entry.key);
  entry.published = false;
  entry.publishedAt = to.now();
  for (const server of entry.servers.values()) server.leftAt ??= to.now();
}

/** Gives back the numbers of servers and services that nobody refers to any more. */
export function retire(to: Publisher): void {
  const { registry, tables } = to;
  for (const entry of registry.byId.values()) {
    for (const [endpoint, server] of entry.servers)
      if (server.leftAt !== undefined && to.now() - server.leftAt > REST_MS)
        retireServer(to, entry, endpoint, server);
    if (entry.published || entry.servers.size > 0 || to.now() - entry.publishedAt <= REST_MS) continue;
    tables.serviceState.set(entry.id, { ...tables.serviceState.get(entry.id), flags: 0 });
    to.members.give(entry.members, to.now());
    to.rings.give(entry.ring, to.now());
    to.ports.give(entry.ports, to.now());
    registry.byId.delete(entry.id);
    registry.services.delete(entry.key);
    registry.serviceIds.delete(entry.id);
  }
}

function retireServer(to: Publisher, entry: ServiceEntry, endpoint: string, server: ServerEntry): void {
  const record = to.tables.servers.get(server.id);
  if (record.active + record.inactive + record.templates > 0) return;
  forgetOnePacketsOf(to, entry, server);
  to.tables.memberships.set(server.id, WEIR_MEMBER_NONE);
  to.tables.servers.set(server.id, { ...record, flags: 0 });
  entry.servers.delete(endpoint);
  to.registry.serverIds.delete(server.id);
}

function obtainService({ tables, registry }: Publisher, service: VirtualService): ServiceEntry {
  const key = serviceKey(service);
  const known = registry.services.get(key);
  if (known !== undefined) return known;
  const [id = 0] = freeIds(registry.serviceIds, tables.serviceState.size, 1, 'services');
  tables.serviceTraffic.clear(id);
  tables.positions.set(id, 0n);
  const entry: ServiceEntry = {
    id,
    key,
    place: contractKey(service),
    service: { ...service, servers: [] },
    lastWeights: [],
    published: false,
    publishedAt: Number.NEGATIVE_INFINITY,
    slot: 2 * id + 1,
    members: NO_RUN,
    ring: NO_RUN,
    ports: NO_RUN,
    servers: new Map(),
  };
  registry.serviceIds.add(id);
  registry.byId.set(id, entry);
  registry.services.set(key, entry);
  return entry;
}

/** Sees to it that all of them have numbers under this service: the old one if a server has not quite left. */
function obtainServers(
  { tables, registry }: Publisher,
  entry: ServiceEntry,
  servers: readonly Endpoint[],
): void {
  const fresh = servers.filter((server) => entry.servers.get(formatEndpoint(server))?.spoiled !== false);
  const ids = freeIds(registry.serverIds, tables.servers.size, fresh.length, 'servers');
  for (const { first, length, from } of neighbours(ids)) {
    tables.serverTraffic.clearRun(first, length);
    const records = fresh.slice(from, from + length).map((server) => serverRecord(server, entry.id));
    tables.servers.setRun(
      first,
      records.map((record) =>
        Object.assign(record, { active: 0, inactive: 0, moves: 0, templates: 0, overloaded: 0 }),
      ),
    );
  }
  fresh.forEach((server, i) => {
    const endpoint = formatEndpoint(server);
    const spoiled = entry.servers.get(endpoint);
    // Connections go on under the spoiled number; like a server that has left, it is given back when the last has ended.
    if (spoiled !== undefined) entry.servers.set(`${endpoint} as number ${spoiled.id}`, spoiled);
    registry.serverIds.add(ids[i]!);
    entry.servers.set(endpoint, {
      id: ids[i]!,
      endpoint: { address: server.address, port: server.port },
      leftAt: Number.NEGATIVE_INFINITY,
      spoiled: false,
    });
  });
}

/** Lets everything rest that has been unpublished: after this it may be written again. */
function rest(to: Publisher): void {
  awaitReaders();
  to.members.rested();
  to.rings.rested();
}

function takeMembers(to: Publisher, length: number): Run {
  let run = to.members.take(length, to.now());
  if (run === undefined) {
    rest(to);
    run = to.members.take(length, to.now());
  }
  if (run === undefined)
    throw new Error(`no room for ${length} more servers; raise limits.servers and run weir down, weir run`);
  return run;
}

/** The ring or table of a service that has one. Where there is no room, wrr computes its turns; undefined for others. */
function writeRing(
  to: Publisher,
  service: VirtualService,
  lastWeights: readonly number[],
): { run: Run; length: number } | undefined {
  const { elements, length } = turnsOf(service, lastWeights);
  if (length === 0) return { run: NO_RUN, length: 0 };
  let run = to.rings.take(elements.length, to.now());
  if (run === undefined && service.scheduler !== 'wrr') {
    rest(to);
    run = to.rings.take(elements.length, to.now());
    if (run === undefined) return undefined;
  }
  if (run === undefined) return { run: NO_RUN, length: 0 };
  to.tables.rings.setRun(run.start, elements);
  return { run, length };
}

/** The one of the service's two slots that is not published, once nobody can be reading it any more. */
function freeSlot(to: Publisher, entry: ServiceEntry): number {
  if (to.now() - entry.publishedAt < REST_MS) rest(to);
  return entry.slot ^ 1;
}

/** Notes what is published now, and who has left. */
function settle(
  to: Publisher,
  entry: ServiceEntry,
  parts: Pick<ServiceEntry, 'service' | 'lastWeights' | 'slot' | 'members' | 'ring' | 'ports'>,
): void {
  const now = to.now();
  to.members.give(entry.members, now);
  to.rings.give(entry.ring, now);
  to.ports.give(entry.ports, now);
  to.registry.damage.delete(entry.key);
  to.registry.strangers.delete(entry.key);
  Object.assign(entry, { ...parts, published: true, publishedAt: now });
  const present = new Set(endpointsOf(entry.service).map(formatEndpoint));
  for (const [endpoint, server] of entry.servers)
    server.leftAt = present.has(endpoint) ? undefined : Math.max(server.leftAt ?? now, 0);
}

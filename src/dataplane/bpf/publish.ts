/**
 * A service into the tables: everything is written where no packet looks, then one update of the key publishes it.
 * Cut short at any point, the old service stands as it was, and what was written is unused room.
 */
import { formatEndpoint } from '../../core/address/address.ts';
import { type RealServer, SCHEDULERS, serviceKey, type VirtualService } from '../../core/model/service.ts';
import { CONNECTION_STATES } from '../../core/model/state.ts';
import { cumulativeWeights, ringOf, strideOf } from '../../core/schedule/wrr.ts';
import { waitForReaders } from '../../kernel/grace.ts';
import * as contract from './contract.generated.ts';
import { contractKey, freeId, type Registry, type ServerEntry, type ServiceEntry } from './registry.ts';
import { REST_MS, type Run, type RunAllocator } from './runs.ts';
import type { Tables } from './tables.ts';
import { addressWords, swapPort } from './words.ts';

/** What publishing works with. */
export interface Publisher {
  readonly tables: Tables;
  readonly registry: Registry;
  readonly members: RunAllocator;
  readonly rings: RunAllocator;
  /** Timer interrupts a second: jiffies. */
  readonly hz: number;
  /** Milliseconds of a clock that only goes forward. */
  now(): number;
}

const NO_RUN: Run = { start: 0, length: 0 };

/** Makes or replaces a service. Throws an Error that names the limit when there is no room. */
export function publishService(to: Publisher, service: VirtualService): void {
  const entry = obtainService(to, service);
  const servers = service.servers.map((server) => ({ server, entry: obtainServer(to, entry, server) }));
  const ordered = [...servers.keys()].sort(
    (a, b) => Number(servers[a]!.server.weight === 0) - Number(servers[b]!.server.weight === 0) || a - b,
  );
  const able = ordered.filter((i) => servers[i]!.server.weight > 0).map((i) => servers[i]!.server.weight);
  const cumulative = cumulativeWeights(able);
  const members = takeMembers(to, ordered.length);
  ordered.forEach((order, place) => {
    to.tables.members.set(members.start + place, {
      server: servers[order]!.entry.id,
      weight: servers[order]!.server.weight,
      cumulative: cumulative[place] ?? 0,
      order,
    });
  });
  const ring = service.scheduler === 'wrr' ? writeRing(to, able) : { run: NO_RUN, length: 0 };
  const cycle = cumulative.at(-1) ?? 0;
  const slot = freeSlot(to, entry);
  to.tables.services.set(slot, {
    key: contractKey(service),
    id: entry.id,
    scheduler: SCHEDULERS.indexOf(service.scheduler),
    members: members.start,
    member_count: members.length,
    eligible: able.length,
    ring: ring.run.start,
    ring_length: ring.length,
    cycle,
    stride: cycle > 0 ? strideOf(cycle) : 0,
  });
  to.tables.serviceState.set(entry.id, {
    ...timeoutWords(to, service),
    slot,
    flags: contract.WEIR_SERVICE_IN_USE,
  });
  to.tables.servicesByKey.set(contractKey(service), slot);
  settle(to, entry, service, slot, members, ring.run);
}

/** Takes the key away: no new connections. The service keeps its numbers until its last connection has ended. */
export function unpublishService(to: Publisher, entry: ServiceEntry): void {
  to.tables.servicesByKey.delete(contractKey(entry.service));
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
    registry.byId.delete(entry.id);
    registry.services.delete(entry.key);
    registry.serviceIds.delete(entry.id);
  }
}

function retireServer(to: Publisher, entry: ServiceEntry, endpoint: string, server: ServerEntry): void {
  const record = to.tables.servers.get(server.id);
  if (record.active + record.inactive > 0) return;
  to.tables.servers.set(server.id, { ...record, flags: 0 });
  entry.servers.delete(endpoint);
  to.registry.serverIds.delete(server.id);
}

function obtainService({ tables, registry }: Publisher, service: VirtualService): ServiceEntry {
  const key = serviceKey(service);
  const known = registry.services.get(key);
  if (known !== undefined) return known;
  const id = freeId(registry.serviceIds, tables.serviceState.size, 'services');
  tables.serviceTraffic.clear(id);
  tables.positions.set(id, 0n);
  const entry: ServiceEntry = {
    id,
    key,
    service: { ...service, servers: [] },
    published: false,
    publishedAt: Number.NEGATIVE_INFINITY,
    slot: 2 * id + 1,
    members: NO_RUN,
    ring: NO_RUN,
    servers: new Map(),
  };
  registry.serviceIds.add(id);
  registry.byId.set(id, entry);
  registry.services.set(key, entry);
  return entry;
}

/** The server's number under this service, an old one if it has not quite left. */
function obtainServer({ tables, registry }: Publisher, entry: ServiceEntry, server: RealServer): ServerEntry {
  const endpoint = formatEndpoint(server);
  const known = entry.servers.get(endpoint);
  if (known !== undefined) return known;
  const id = freeId(registry.serverIds, tables.servers.size, 'servers');
  tables.serverTraffic.clear(id);
  tables.servers.set(id, {
    address: addressWords(server.address),
    port: swapPort(server.port),
    flags: contract.WEIR_SERVER_IN_USE,
    service: entry.id,
    active: 0,
    inactive: 0,
    moves: 0,
    reserved: 0,
  });
  const made: ServerEntry = {
    id,
    endpoint: { address: server.address, port: server.port },
    leftAt: Number.NEGATIVE_INFINITY,
  };
  registry.serverIds.add(id);
  entry.servers.set(endpoint, made);
  return made;
}

/** Lets everything rest that has been unpublished: after this it may be written again. */
function rest(to: Publisher): void {
  if (!waitForReaders()) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, REST_MS);
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

/** The ring of a service whose cycle is short enough; where there is no room for it, turns are computed. */
function writeRing(to: Publisher, weights: readonly number[]): { run: Run; length: number } {
  const turns = ringOf(weights);
  if (turns === undefined || turns.length === 0) return { run: NO_RUN, length: 0 };
  const run = to.rings.take(Math.ceil(turns.length / 4), to.now());
  if (run === undefined) return { run: NO_RUN, length: 0 };
  for (let place = 0; place < run.length; place++)
    to.tables.rings.set(run.start + place, { member: turns.slice(4 * place, 4 * place + 4) });
  return { run, length: turns.length };
}

/** The one of the service's two slots that is not published, once nobody can be reading it any more. */
function freeSlot(to: Publisher, entry: ServiceEntry): number {
  if (to.now() - entry.publishedAt < REST_MS) rest(to);
  return entry.slot ^ 1;
}

function timeoutWords(
  to: Publisher,
  service: VirtualService,
): Pick<contract.WeirServiceState, 'timeouts' | 'timeouts_ms'> {
  const timeouts_ms = Array.from({ length: contract.WEIR_STATE_MAX }, () => 0);
  CONNECTION_STATES.forEach((name, i) => {
    timeouts_ms[contract.WEIR_STATE_NONE + i] =
      service.timeouts[name.toLowerCase() as Lowercase<typeof name>];
  });
  return { timeouts_ms, timeouts: timeouts_ms.map((ms) => Math.ceil((ms * to.hz) / 1000)) };
}

/** Notes what is published now, and who has left. */
function settle(
  to: Publisher,
  entry: ServiceEntry,
  service: VirtualService,
  slot: number,
  members: Run,
  ring: Run,
): void {
  const now = to.now();
  to.members.give(entry.members, now);
  to.rings.give(entry.ring, now);
  Object.assign(entry, { service, slot, members, ring, published: true, publishedAt: now });
  const present = new Set(service.servers.map(formatEndpoint));
  for (const [endpoint, server] of entry.servers)
    server.leftAt = present.has(endpoint) ? undefined : Math.max(server.leftAt ?? now, 0);
}

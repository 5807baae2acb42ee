/** Services of the simulated plane: published, changed, removed, and forgotten when their connections have ended. */
import { addressBytes, type Endpoint, familyOf, formatEndpoint } from '../../core/address/address.ts';
import { maskBytes } from '../../core/model/persistence.ts';
import {
  isGroup,
  type RealServer,
  type ServiceKey,
  serviceKey,
  type VirtualService,
} from '../../core/model/service.ts';
import { CONNECTION_STATES, type ConnectionState } from '../../core/model/state.ts';
import { groupOf } from '../../core/packet/group.ts';
import { onePacketKey } from '../../core/packet/one-packet.ts';
import { thresholdsFrom } from '../../core/packet/overload.ts';
import { TCP, UDP } from '../../core/packet/parse.ts';
import { noTraffic, type ServerRecord, type ServiceRecord, serviceAt } from '../../core/packet/service.ts';
import type { World } from '../../core/packet/world.ts';
import { startState } from '../../core/schedule/candidate.ts';
import { lastWeights } from '../../core/schedule/last-weight.ts';
import { tableOf } from '../../core/schedule/table.ts';

/** A service that is published or still has connections. */
export interface ServiceEntry {
  readonly record: ServiceRecord;
  published: boolean;
  /** All its servers that are configured or still have connections, by endpoint. */
  readonly servers: Map<string, ServerRecord>;
}

/** Every service by its key, in the order in which they came. */
export type Services = Map<ServiceKey, ServiceEntry>;

const protocolNumber = ({ protocol }: VirtualService): number => (protocol === 'tcp' ? TCP : UDP);
const placeOf = (service: VirtualService): string =>
  serviceAt(protocolNumber(service), addressBytes(service.address), service.port);

/** Idle time-outs in ticks, of which there are `hz` in a second. */
function ticks(service: VirtualService, hz: number): Record<ConnectionState, number> {
  return Object.fromEntries(
    CONNECTION_STATES.map((state) => {
      const milliseconds = service.timeouts[state.toLowerCase() as Lowercase<ConnectionState>];
      return [state, Math.ceil((milliseconds * hz) / 1000)];
    }),
  ) as Record<ConnectionState, number>;
}

const DAY_SECONDS = 86_400;

/** What a service was published with before this time; one that has been removed begins anew. */
function lastPublication(entry: ServiceEntry | undefined) {
  if (entry?.published !== true) return { servers: [], lastWeights: [] };
  const { service, lastWeights } = entry.record;
  return { servers: service.servers, lastWeights };
}

/** Makes or replaces a service; servers that stay keep their connections and counters. */
export function publish(world: World, services: Services, service: VirtualService, hz: number): void {
  const key = serviceKey(service);
  const known = services.get(key);
  const servers = known?.servers ?? new Map<string, ServerRecord>();
  const goneBefore = known?.record.service.gone;
  const recordOf = (endpoint: Endpoint & Partial<RealServer>): ServerRecord => {
    const name = formatEndpoint(endpoint);
    const server: ServerRecord = servers.get(name) ?? {
      endpoint: { address: endpoint.address, port: endpoint.port },
      address: addressBytes(endpoint.address),
      active: 0,
      inactive: 0,
      templates: 0,
      thresholds: thresholdsFrom({}),
      overloaded: 0,
      gone: false,
      traffic: noTraffic(),
    };
    servers.set(name, server);
    server.thresholds = thresholdsFrom(endpoint);
    return server;
  };
  const members = service.servers.map(recordOf);
  const sorry = service.sorry_server && recordOf(service.sorry_server);
  const persistence = service.persistence && {
    timeout: Math.ceil((service.persistence.timeout * hz) / 1000),
    mask: maskBytes(familyOf(service.address), service.persistence.granularity),
  };
  const weights = lastWeights(service.servers, lastPublication(known));
  const table = tableOf(
    service.scheduler,
    members.map(({ address, endpoint: { port } }, i) => ({
      address,
      port,
      weight: service.servers[i]!.weight,
      lastWeight: weights[i]!,
    })),
  );
  const update = {
    service,
    members,
    sorry,
    lastWeights: weights,
    table,
    timeouts: ticks(service, hz),
    day: DAY_SECONDS * hz,
    persistence,
  };
  // What another scheduler, or a service since removed, has remembered of destinations is forgotten; turns go on.
  if (known && (!known.published || known.record.service.scheduler !== service.scheduler))
    known.record.state.localities.clear();
  const record = known
    ? Object.assign(known.record, update)
    : { ...update, state: startState(), traffic: noTraffic() };
  if (known) known.published = true;
  else services.set(key, { record, published: true, servers });
  const gone = new Set(service.gone?.map(formatEndpoint));
  for (const [name, server] of servers) server.gone = gone.has(name);
  // As in the kernel, where each connection then looks whether its server is one of them.
  for (const endpoint of goneBefore ?? []) gone.delete(formatEndpoint(endpoint));
  if (known && gone.size > 0) world.routeEpoch = (world.routeEpoch + 1) % 256;
  noteAnswers(world, record, servers.values());
  if (!isGroup(service)) world.services.set(placeOf(service), record);
  // A service that is published again keeps its place.
  else world.groups.set(record, groupOf(service, protocolNumber(service)));
}

/** Where a server answers from; one without a port of its own has its service's. */
const answersFrom = ({ address, endpoint }: ServerRecord, { service }: ServiceRecord): string =>
  onePacketKey(address, endpoint.port || service.port);

/** Notes where the servers of a service that keeps no connections answer from, and forgets it of one that does. */
function noteAnswers({ onePackets }: World, record: ServiceRecord, servers: Iterable<ServerRecord>): void {
  const { members, sorry, service } = record;
  for (const server of servers) {
    const key = answersFrom(server, record);
    const isPresent = server === sorry || members.includes(server);
    if (service.one_packet && isPresent) onePackets.set(key, { record, server });
    else if (!service.one_packet && onePackets.get(key)?.server === server) onePackets.delete(key);
  }
}

/** Takes no new connections for the service any more. */
export function unpublish(world: World, entry: ServiceEntry): void {
  if (isGroup(entry.record.service)) world.groups.delete(entry.record);
  else world.services.delete(placeOf(entry.record.service));
  entry.published = false;
}

/** Whether the server is in no publication any more. */
export function isLeaving(entry: ServiceEntry, server: ServerRecord): boolean {
  const { members, sorry } = entry.record;
  return !entry.published || !(server === sorry || members.includes(server));
}

/** Forgets servers and services that have left and whose connections have ended. */
export function retire({ onePackets }: World, services: Services): void {
  for (const [key, entry] of services) {
    for (const [name, server] of entry.servers) {
      if (!isLeaving(entry, server) || server.active + server.inactive + server.templates > 0) continue;
      entry.servers.delete(name);
      const from = answersFrom(server, entry.record);
      if (onePackets.get(from)?.server === server) onePackets.delete(from);
    }
    if (!entry.published && entry.servers.size === 0) services.delete(key);
  }
}

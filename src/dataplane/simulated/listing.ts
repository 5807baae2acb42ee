/** What the simulated plane shows: counters and connections, in the words of the port. */
import { setImmediate } from 'node:timers/promises';
import { addressFromBytes, type Endpoint, formatEndpoint } from '../../core/address/address.ts';
import type { Connection } from '../../core/model/connection.ts';
import type { ServerCounters, ServiceCounters } from '../../core/model/counters.ts';
import { optionsOf, type ServiceKey, serviceKey, thresholdsOf } from '../../core/model/service.ts';
import { isOverloaded } from '../../core/packet/overload.ts';
import { TCP } from '../../core/packet/parse.ts';
import type { ServerRecord } from '../../core/packet/service.ts';
import { isTemplate } from '../../core/packet/template.ts';
import type { Template, TrackedConnection, World } from '../../core/packet/world.ts';
import type { ConnectionFilter } from '../port.ts';
import { isLeaving, type ServiceEntry, type Services } from './services.ts';

/** Slots in a chunk. */
const CHUNK = 4096;

/** The counters of services that are published or still have connections, all or those of these keys. */
export function listCounters(services: Services, of?: ReadonlySet<ServiceKey>): ServiceCounters[] {
  const wanted = [...services].filter(([key]) => of?.has(key) !== false);
  return wanted.map(([key, entry]) => ({
    key,
    scheduler: entry.record.service.scheduler,
    ...(entry.record.service.persistence && { persistence: entry.record.service.persistence }),
    ...(entry.record.service.scheduler_flags && {
      scheduler_flags: entry.record.service.scheduler_flags,
    }),
    ...optionsOf(entry.record.service),
    leaving: !entry.published,
    ...entry.record.traffic,
    servers: serversOf(entry).map((server) => serverCounters(entry, server)),
  }));
}

/** In the order of the configuration, then the sorry server, then those that are leaving. */
function serversOf(entry: ServiceEntry): ServerRecord[] {
  const { members, sorry } = entry.record;
  const staying = entry.published ? [...members, ...(sorry === undefined ? [] : [sorry])] : [];
  return [...staying, ...[...entry.servers.values()].filter((server) => isLeaving(entry, server))];
}

function serverCounters(entry: ServiceEntry, server: ServerRecord): ServerCounters {
  const leaving = isLeaving(entry, server);
  const { members, sorry, service } = entry.record;
  const isSorry = !leaving && server === sorry;
  return {
    ...server.endpoint,
    weight: leaving || isSorry ? 0 : service.servers[members.indexOf(server)]!.weight,
    active: server.active,
    inactive: server.inactive,
    templates: server.templates,
    leaving,
    ...server.traffic,
    ...(!leaving && !isSorry && thresholdsOf(service.servers[members.indexOf(server)]!)),
    ...(!leaving && isOverloaded(server) && { overloaded: true as const }),
    ...(isSorry && { sorry: true as const }),
  };
}

/** Live connections that pass the filter, IPv4 first; between chunks the event loop gets its turn. */
export async function* listConnections(
  world: World,
  hz: number,
  filter: ConnectionFilter,
): AsyncGenerator<readonly Connection[]> {
  for (const family of [4, 6] as const) {
    const { slots, high } = world.tables[family];
    for (let from = 0; from < high; from += CHUNK) {
      const found = slots
        .slice(from, from + CHUNK)
        .flatMap((one) => (one === undefined || !isOf(one, filter) ? [] : [show(world, one, hz)]))
        .filter((connection) => matches(connection, filter));
      if (found.length > 0) yield found;
      await setImmediate();
    }
  }
}

function show(world: World, one: TrackedConnection | Template, hz: number): Connection {
  const now = world.surroundings.now();
  const until = isTemplate(one)
    ? Math.max(one.lastSeen + one.timeout, one.held + world.hold)
    : one.lastSeen + one.timeout;
  const ports = isTemplate(one) ? { clientPort: 0, seenPort: 0 } : one;
  return {
    protocol: one.protocol === TCP ? 'tcp' : 'udp',
    state: one.state,
    client: { address: addressFromBytes(one.client), port: ports.clientPort },
    virtual: { address: addressFromBytes(one.virtual), port: one.virtualPort },
    server: isTemplate(one) ? one.server.endpoint : { ...one.server.endpoint, port: one.serverPort },
    client_port_at_server: ports.seenPort,
    expires_ms: Math.max(0, Math.round(((until - now) * 1000) / hz)),
  };
}

const isAt = (endpoint: Endpoint, text: string | undefined): boolean =>
  text === undefined || endpoint.address === text || formatEndpoint(endpoint) === text;

const isOf = ({ service }: TrackedConnection | Template, filter: ConnectionFilter): boolean =>
  filter.service === undefined || filter.service === serviceKey(service.service);

function matches(connection: Connection, filter: ConnectionFilter): boolean {
  return isAt(connection.client, filter.client) && isAt(connection.server, filter.server);
}

/**
 * Which numbers the services and servers have in the tables, and what is published under them. Read from the tables
 * at start; the tables stay the truth.
 */
import { addressBytes, type Endpoint, formatEndpoint } from '../../core/address/address.ts';
import { maskLength } from '../../core/model/persistence.ts';
import {
  endpointsOf,
  isGroup,
  optionsOf,
  type RealServer,
  SCHEDULERS,
  type ServiceKey,
  type ServiceName,
  serviceKey,
  thresholdsOf,
  type VirtualService,
} from '../../core/model/service.ts';
import { CONNECTION_STATES, type Timeouts } from '../../core/model/state.ts';
import * as contract from './contract.generated.ts';
import { networkKey, networkName, portsFrom } from './port-ranges.ts';
import { flagsFrom } from './records.ts';
import type { Run } from './runs.ts';
import type { Tables } from './tables.ts';
import { addressFromWords, addressWords, swapPort } from './words.ts';

/** IP protocol numbers of what the packet path balances. */
const PROTOCOL_NUMBERS = { tcp: 6, udp: 17 } as const;

/** A real server with its number. */
export interface ServerEntry {
  readonly id: number;
  readonly endpoint: Endpoint;
  /** When it was last found to be out of every publication, in milliseconds; undefined while it is in one. */
  leftAt: number | undefined;
  /** True once somebody else has changed its record: the next publication gives the server another number. */
  spoiled: boolean;
}

/** A service with its number, and where its parts lie. */
export interface ServiceEntry {
  readonly id: number;
  readonly key: ServiceKey;
  /** Its key in `services_by_key`. */
  readonly place: contract.WeirServiceKey;
  /** As latest published. */
  service: VirtualService;
  /** Of its servers, in the order of the configuration: the weights they had when they were last above 0. */
  lastWeights: readonly number[];
  /** False once it is removed: its connections go on. */
  published: boolean;
  /** When it was latest published, in milliseconds. */
  publishedAt: number;
  slot: number;
  members: Run;
  ring: Run;
  /** Its own ranges in `ports`; empty unless it is of several ports or addresses. */
  ports: Run;
  /** All servers that have a number under this service, those that are leaving included, by endpoint. */
  readonly servers: Map<string, ServerEntry>;
}

/** A prefix of addresses that services of several ports or addresses have. */
export interface NetworkEntry {
  readonly name: string;
  /** Its key in `networks`. */
  readonly place: contract.WeirNetworkKey;
  /** Published services with this prefix, in the order in which they were published. */
  readonly services: Set<ServiceEntry>;
  /** Where its ports lie in `ports`, and what they are. */
  run: Run;
  ranges: readonly contract.WeirPortRange[];
  /** True while it is not written, or once somebody else has changed it. */
  spoiled: boolean;
}

/** Something in the tables that leads packets somewhere and that nobody here has put there. */
export interface Stranger {
  /** The service that it seems to be. */
  readonly name: ServiceName;
  /** What was found. */
  readonly found: string;
  /** Takes it away; true if it was still there. */
  remove(): boolean;
}

/** Everything that has a number. */
export interface Registry {
  readonly services: Map<ServiceKey, ServiceEntry>;
  readonly byId: Map<number, ServiceEntry>;
  readonly serviceIds: Set<number>;
  readonly serverIds: Set<number>;
  /** Services whose elements somebody else has changed, with what was found of them. Publishing mends and forgets it. */
  readonly damage: Map<ServiceKey, string>;
  /** Keys in `services_by_key` and `networks` that nobody here put there. */
  readonly strangers: Map<ServiceKey, Stranger>;
  /** By name. */
  readonly networks: Map<string, NetworkEntry>;
}

/** The key of a service as the tables have it; of one of several ports or addresses it is no key of `services_by_key`. */
export function contractKey(service: ServiceName): contract.WeirServiceKey {
  return {
    address: addressWords(service.address),
    port: isGroup(service) ? 0 : swapPort(service.port),
    protocol: numberOf(service.protocol),
    family: service.address.includes(':') ? 6 : 4,
  };
}

/** The IP protocol number of a protocol (IANA: protocol numbers); throws for one that only ip_vs balances. */
export function numberOf(protocol: VirtualService['protocol']): number {
  if (protocol !== 'tcp' && protocol !== 'udp')
    throw new Error(`the bpf plane has no services of ${protocol}; ip_vs can do that (dataplane: ipvs)`);
  return PROTOCOL_NUMBERS[protocol];
}

/** The protocol behind an IP protocol number that the tables hold. */
export function protocolOf(number: number): 'tcp' | 'udp' {
  return number === PROTOCOL_NUMBERS.udp ? 'udp' : 'tcp';
}

/** Reads all that is in use. */
export function readRegistry(tables: Tables): Registry {
  const registry: Registry = {
    services: new Map(),
    byId: new Map(),
    serviceIds: new Set(),
    serverIds: new Set(),
    damage: new Map(),
    strangers: new Map(),
    networks: readNetworks(tables),
  };
  for (const [id, state] of tables.serviceState.range(0, tables.serviceState.size))
    if (state.flags & contract.WEIR_SERVICE_IN_USE) addService(tables, registry, id, state);
  for (const [id, server] of tables.servers.range(0, tables.servers.size)) {
    if (!(server.flags & contract.WEIR_SERVER_IN_USE)) continue;
    const service = registry.byId.get(server.service);
    // Written for a service that a crash kept from being published: nobody refers to it.
    if (service === undefined) {
      tables.servers.set(id, { ...server, flags: 0 });
      continue;
    }
    registry.serverIds.add(id);
    const family = service.service.address.includes(':') ? 6 : 4;
    const endpoint = { address: addressFromWords(server.address, family), port: swapPort(server.port) };
    service.servers.set(formatEndpoint(endpoint), { id, endpoint, leftAt: undefined, spoiled: false });
  }
  const gone = readGone(tables);
  for (const entry of registry.byId.values()) {
    const members = readMembers(tables, entry);
    const { sorry } = tables.services.get(entry.slot);
    const [sorry_server] = [...entry.servers.values()]
      .filter(({ id }) => id === sorry)
      .map(({ endpoint }) => endpoint);
    const lost = [...entry.servers.values()].filter(({ id }) => gone.has(id));
    entry.service = {
      ...entry.service,
      servers: members.map(({ server }) => server),
      ...(sorry_server && { sorry_server }),
      ...(lost.length > 0 && { gone: lost.map(({ endpoint }) => endpoint) }),
    };
    entry.lastWeights = members.map(({ lastWeight }) => lastWeight);
    const present = new Set(entry.published ? endpointsOf(entry.service).map(formatEndpoint) : []);
    for (const [endpoint, server] of entry.servers) if (!present.has(endpoint)) server.leftAt = 0;
  }
  return registry;
}

/** The numbers of all servers that are gone by the tables. */
function readGone({ memberships }: Tables): ReadonlySet<number> {
  const gone = new Set<number>();
  for (const [id, membership] of memberships.range(0, memberships.size))
    if (membership === contract.WEIR_MEMBER_GONE) gone.add(id);
  return gone;
}

function addService(tables: Tables, registry: Registry, id: number, state: contract.WeirServiceState): void {
  // Either slot of an id in use carries its key; which of them is published only the key itself can tell.
  const latest = tables.services.get(state.slot);
  const published = publishedSlot(tables, id, latest);
  const slot = published ?? state.slot;
  const record = slot === state.slot ? latest : tables.services.get(slot);
  const service = decodeService(tables, record, state);
  const key = serviceKey(service);
  const entry: ServiceEntry = {
    id,
    key,
    place: record.key,
    service,
    lastWeights: [],
    published: published !== undefined,
    publishedAt: 0,
    slot,
    members: { start: record.members, length: record.member_count },
    ring: { start: record.ring, length: Math.ceil(record.ring_length / 4) },
    ports: { start: record.ports, length: record.port_count },
    servers: new Map(),
  };
  registry.serviceIds.add(id);
  registry.byId.set(id, entry);
  registry.services.set(key, entry);
  if (entry.published && entry.ports.length > 0)
    registry.networks.get(networkName(networkKey(service, entry.place)))?.services.add(entry);
}

/** The slot that packets are led to, which only the key or the group can tell. */
function publishedSlot(tables: Tables, id: number, latest: contract.WeirService): number | undefined {
  if (latest.port_count === 0) return tables.servicesByKey.get(latest.key);
  const slot = tables.groups.get(id) - 1;
  return slot >> 1 === id ? slot : undefined;
}

/** All networks that are there, as yet nobody's. */
function readNetworks(tables: Tables): Registry['networks'] {
  const networks = new Map<string, NetworkEntry>();
  for (
    let place = tables.networks.next(undefined);
    place !== undefined;
    place = tables.networks.next(place)
  ) {
    const { ports: start, count } = tables.networks.get(place)!;
    const isSound = start + count <= tables.ports.size;
    const run = isSound ? { start, length: count } : { start: 0, length: 0 };
    const ranges = [...tables.ports.range(run.start, run.start + run.length)].map(([, range]) => range);
    const name = networkName(place);
    networks.set(name, { name, place, services: new Set(), run, ranges, spoiled: !isSound });
  }
  return networks;
}

/** The endpoint and protocol behind a key of `services_by_key`. */
export function decodeKey(
  place: contract.WeirServiceKey,
): Pick<VirtualService, 'protocol' | 'address' | 'port'> {
  return {
    protocol: protocolOf(place.protocol),
    address: addressFromWords(place.address, place.family === 6 ? 6 : 4),
    port: swapPort(place.port),
  };
}

/** What of a service names it, where it is of several ports or addresses. */
function decodeGroup(tables: Tables, record: contract.WeirService): Partial<ServiceName> {
  const { ports: start, port_count, prefix_length, key } = record;
  if (port_count === 0) return {};
  const ranges = [...tables.ports.range(start, start + port_count)].map(([, range]) => range);
  const isWhole = prefix_length === (key.family === 6 ? 128 : 32);
  return { ...portsFrom(ranges), ...(isWhole ? {} : { prefix_length }) };
}

function decodeService(
  tables: Tables,
  record: contract.WeirService,
  state: contract.WeirServiceState,
): VirtualService {
  const timeouts = Object.fromEntries(
    CONNECTION_STATES.map((name, i) => [
      name.toLowerCase(),
      state.timeouts_ms[contract.WEIR_STATE_NONE + i] ?? 0,
    ]),
  ) as unknown as Timeouts;
  const scheduler = SCHEDULERS[record.scheduler] ?? 'wlc';
  return {
    ...decodeKey(record.key),
    ...decodeGroup(tables, record),
    scheduler,
    ...flagsFrom(scheduler, record.scheduler_flags),
    timeouts,
    ...decodePersistence(record),
    ...optionsOf({
      sloppy_tcp: (record.options & contract.WEIR_OPTION_SLOPPY_TCP) !== 0,
      secure_tcp: (record.options & contract.WEIR_OPTION_SECURE_TCP) !== 0,
      one_packet: (record.options & contract.WEIR_OPTION_ONE_PACKET) !== 0,
    }),
    ...(record.no_server === 1 && { no_server: 'drop' }),
    ...((record.options & contract.WEIR_OPTION_RESET_ON_DOWN) !== 0 && { on_down: 'reset' }),
    servers: [],
  };
}

function decodePersistence(record: contract.WeirService): Pick<VirtualService, 'persistence'> {
  if (record.persistence === 0) return {};
  const mask = addressBytes(addressFromWords(record.mask, record.key.family === 6 ? 6 : 4));
  const quiescent = record.options & contract.WEIR_OPTION_EXPIRE_QUIESCENT_TEMPLATE;
  return {
    persistence: {
      timeout: record.persistence_ms,
      granularity: maskLength(mask),
      ...(quiescent !== 0 && { expire_quiescent_template: true }),
    },
  };
}

/** The number of a service's sorry server. */
export function sorryNumber({ servers }: ServiceEntry, { sorry_server: sorry }: VirtualService): number {
  const server = sorry && servers.get(formatEndpoint(sorry));
  return server?.id ?? contract.WEIR_NO_SERVER;
}

/** A service's members as they were configured, in that order. */
function readMembers(
  tables: Tables,
  entry: ServiceEntry,
): { readonly server: RealServer; readonly lastWeight: number }[] {
  const byId = new Map([...entry.servers.values()].map((server) => [server.id, server.endpoint]));
  const { start, length } = entry.members;
  return [...tables.members.range(start, start + length)]
    .map(([, member]) => member)
    .sort((a, b) => a.order - b.order)
    .flatMap((member) => {
      const endpoint = byId.get(member.server);
      return endpoint === undefined
        ? []
        : [
            {
              server: { ...endpoint, weight: member.weight, ...thresholdsOf(member) },
              lastWeight: member.last_weight,
            },
          ];
    });
}

/** `count` numbers below `size` that are not in use; throws an Error that names the limit when there are not as many. */
export function freeIds(used: ReadonlySet<number>, size: number, count: number, limit: string): number[] {
  const ids: number[] = [];
  // Numbers are given out from the bottom, so those after all in use are nearly always free.
  for (let i = 0; i < size && ids.length < count; i++) {
    const id = (used.size + i) % size;
    if (!used.has(id)) ids.push(id);
  }
  if (ids.length === count) return ids;
  throw new Error(
    `all ${size} of limits.${limit} are in use, those that still finish connections included; raise it and run weir down, weir run`,
  );
}

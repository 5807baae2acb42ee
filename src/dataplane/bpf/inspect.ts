/**
 * Looks into the tables for what somebody else has changed. A look asks for the keys of some thousand services, since
 * without its key a service gets no new client, and compares a slice of what lies behind the keys; what it does not get
 * to is the next one's. Between chunks the event loop gets its turn, and a look that is told to leaves off there: with 10,000 services of ten servers each a look
 * takes some 100 ms in pieces of less than 5, and all has been compared after a few minutes.
 */
import { setImmediate } from 'node:timers/promises';
import { formatEndpoint } from '../../core/address/address.ts';
import { type ServiceKey, serviceKey, type VirtualService } from '../../core/model/service.ts';
import { DEFAULT_TIMEOUTS } from '../../core/model/state.ts';
import type { PlaneState } from '../port.ts';
import {
  WEIR_MEMBER_NONE,
  WEIR_NETWORK_HEAD,
  type WeirNetworkKey,
  type WeirServiceKey,
} from './contract.generated.ts';
import { damageOnTheWay } from './groups.ts';
import { membershipsIn } from './memberships.ts';
import { onePacketDamage } from './one-packets.ts';
import { networkName } from './port-ranges.ts';
import type { Publisher } from './publish.ts';
import { firstDifference, membersOf, serverRecord, slotRecord, stateRecord, turnsOf } from './records.ts';
import { decodeKey, type Registry, type ServiceEntry, type Stranger, sorryNumber } from './registry.ts';
import type { Tables } from './tables.ts';
import { thresholdsByNumber } from './thresholds.ts';

/** Elements read before the event loop gets its turn, some ten microseconds each. */
const CHUNK = 256;
/** Keys that one look asks for: those of all services, with the limits' defaults. */
const KEYS = 4_096;
/** Elements behind the keys that one look compares: those of some hundred services. */
const SLICE = 8_192;
/** Keys that one look goes on by, looking for those that nobody here put there. */
const STRANGERS = 1_024;

/** Where the inspection stands between two looks. */
export class Inspector {
  readonly #publisher: Publisher;
  /** Entries whose keys, and whose contents, are still to be looked at in this round. */
  #keys: ServiceEntry[] = [];
  #contents: ServiceEntry[] = [];
  #lastKey: WeirServiceKey | undefined;
  #lastNetwork: WeirNetworkKey | undefined;
  #read = 0;
  #leave: () => boolean = () => false;

  constructor(publisher: Publisher) {
    this.#publisher = publisher;
  }

  /**
   * One look. What it finds stands in the registry's `damage` and `strangers`, until a publication mends it. It ends at
   * the next chunk once `leave` says so, and the look after it goes on from there.
   */
  async look(leave: () => boolean): Promise<void> {
    this.#leave = leave;
    if (await this.#lookAtKeys()) return;
    if (await this.#lookAtContents()) return;
    if (await this.#lookForStrangers()) return;
    await this.#lookForStrangeNetworks();
  }

  /** These answer true when they have been told to leave. */
  async #lookAtKeys(): Promise<boolean> {
    if (this.#keys.length === 0) this.#keys = this.#entries();
    for (let read = 0; read < KEYS; read++) {
      const entry = this.#keys.pop();
      if (entry === undefined) return false;
      // Since the round began it may have been taken out.
      if (entry.published) this.#note(entry, this.#keyDamage(entry));
      if (await this.#breathe(1)) return true;
    }
    return false;
  }

  async #lookAtContents(): Promise<boolean> {
    if (this.#contents.length === 0) this.#contents = this.#entries();
    for (let read = 0; read < SLICE; ) {
      const entry = this.#contents.pop();
      if (entry === undefined) return false;
      const elements = 2 + 2 * entry.members.length + entry.ring.length;
      // What its key has said is worse, and mended together with the rest.
      const known = this.#publisher.registry.damage.has(entry.key);
      if (entry.published && !known) this.#note(entry, this.#contentDamage(entry));
      if (await this.#breathe(elements)) return true;
      read += elements;
    }
    return false;
  }

  /** All entries, the first to be looked at last in the array. */
  #entries(): ServiceEntry[] {
    return [...this.#publisher.registry.services.values()].reverse();
  }

  #note(entry: ServiceEntry, found: string | undefined): void {
    if (found !== undefined) this.#publisher.registry.damage.set(entry.key, found);
  }

  /** Counts what was read, and gives the event loop its turn after each chunk; true if this look is to end then. */
  async #breathe(elements: number): Promise<boolean> {
    this.#read += elements;
    if (this.#read < CHUNK) return false;
    this.#read = 0;
    await setImmediate();
    return this.#leave();
  }

  #keyDamage(entry: ServiceEntry): string | undefined {
    if (entry.ports.length > 0) return damageOnTheWay(this.#publisher, entry);
    const slot = this.#publisher.tables.servicesByKey.get(entry.place);
    if (slot === entry.slot) return undefined;
    if (slot === undefined) return 'its key is gone from services_by_key';
    const found = `its key points to slot ${slot}, not ${entry.slot}`;
    // Packets look at the other slot now, so that is the one which must not be written next.
    if (slot === (entry.slot ^ 1)) entry.slot = slot;
    return found;
  }

  #contentDamage(entry: ServiceEntry): string | undefined {
    const { tables, hz } = this.#publisher;
    const { service, lastWeights, id, slot, members, ring, ports } = entry;
    const turns = ring.length === 0 ? { elements: [], length: 0 } : turnsOf(service, lastWeights);
    const places = { id, key: entry.place, members, ring, sorry: sorryNumber(entry, service), ports };
    const record = slotRecord(service, places, turns.length, hz);
    return (
      said(`slot ${slot}`, firstDifference(record, tables.services.get(slot))) ??
      said(`state ${id}`, firstDifference(stateRecord(service, slot, hz), tables.serviceState.get(id))) ??
      this.#serverDamage(entry) ??
      this.#thresholdDamage(entry) ??
      onePacketDamage(this.#publisher, entry) ??
      this.#memberDamage(entry) ??
      compareRun('turns', turns.elements, tables.rings.range(ring.start, ring.start + ring.length))
    );
  }

  #memberDamage(entry: ServiceEntry): string | undefined {
    const { start, length } = entry.members;
    const wanted = membersOf(
      entry.service,
      entry.lastWeights,
      (server) => entry.servers.get(formatEndpoint(server))?.id ?? -1,
    );
    return compareRun('member', wanted, this.#publisher.tables.members.range(start, start + length));
  }

  /** Servers' records hold counters that the packet path moves, so a changed one is not written over: it is left. */
  #serverDamage(entry: ServiceEntry): string | undefined {
    let found: string | undefined;
    const sorry = sorryNumber(entry, entry.service);
    const membershipOf = membershipsIn(entry.service);
    for (const server of entry.servers.values()) {
      if (server.leftAt !== undefined) continue;
      const wanted = serverRecord(server.endpoint, entry.id);
      const difference = firstDifference(wanted, this.#publisher.tables.servers.get(server.id));
      if (difference !== undefined) server.spoiled = true;
      found ??= said(`server ${server.id}`, difference);
      const membership = this.#publisher.tables.memberships.get(server.id);
      const inside = server.id === sorry ? WEIR_MEMBER_NONE : membershipOf(server);
      if (membership !== inside)
        found ??= `membership of server ${server.id} is ${membership}, not ${inside}`;
    }
    return found;
  }

  #thresholdDamage(entry: ServiceEntry): string | undefined {
    let found: string | undefined;
    for (const [id, wanted] of thresholdsByNumber(entry, entry.service)) {
      const difference = firstDifference(wanted, this.#publisher.tables.thresholds.get(id));
      found ??= said(`thresholds of server ${id}`, difference);
    }
    return found;
  }

  /** Goes on through the keys that are there, a chunk a look, for those that nobody here put there. */
  async #lookForStrangers(): Promise<boolean> {
    const { tables, registry } = this.#publisher;
    for (let read = 0; read < STRANGERS; read++) {
      if (await this.#breathe(1)) return true;
      const place = tables.servicesByKey.next(this.#lastKey);
      this.#lastKey = place;
      if (place === undefined) return false;
      const key = serviceKey(decodeKey(place));
      const entry = registry.services.get(key);
      // Bytes that decode to a known key need not be that key: an IPv4 address leaves three words over.
      if (entry?.published === true && firstDifference(entry.place, place) === undefined) continue;
      const slot = tables.servicesByKey.get(place);
      if (slot !== undefined) registry.strangers.set(key, strangeKey(tables, place, slot));
    }
    return false;
  }

  /** The same for prefixes of addresses. */
  async #lookForStrangeNetworks(): Promise<boolean> {
    const { tables, registry } = this.#publisher;
    for (let read = 0; read < STRANGERS; read++) {
      if (await this.#breathe(1)) return true;
      const place = tables.networks.next(this.#lastNetwork);
      this.#lastNetwork = place;
      if (place === undefined) return false;
      if (registry.networks.has(networkName(place))) continue;
      const stranger = strangeNetwork(tables, place);
      registry.strangers.set(serviceKey(stranger.name), stranger);
    }
    return false;
  }
}

/** What is published as far as the looks so far could tell; `damaged` says of which services it is not quite true. */
export function observeServices(registry: Registry): Pick<PlaneState, 'services' | 'damaged'> {
  const services = new Map<ServiceKey, VirtualService>();
  const damaged = new Map<ServiceKey, string>();
  for (const { key, service, published } of registry.services.values())
    if (published) services.set(key, service);
  for (const [key, found] of registry.damage) if (services.has(key)) damaged.set(key, found);
  for (const [key, { name, found }] of registry.strangers) {
    // What a stranger's slot holds is nobody's word; as it is either removed or replaced, its name is enough.
    if (!services.has(key))
      services.set(key, { ...name, scheduler: 'wlc', timeouts: DEFAULT_TIMEOUTS, servers: [] });
    damaged.set(key, found);
  }
  return { services, damaged };
}

function strangeKey(tables: Tables, place: WeirServiceKey, slot: number): Stranger {
  return {
    name: decodeKey(place),
    found: `services_by_key has a key that Weir did not put there, to slot ${slot}`,
    remove: () => tables.servicesByKey.delete(place),
  };
}

function strangeNetwork(tables: Tables, place: WeirNetworkKey): Stranger {
  const prefix_length = place.prefix_length - WEIR_NETWORK_HEAD;
  return {
    name: { ...decodeKey({ ...place, port: 0 }), prefix_length },
    found: 'networks has addresses that Weir did not put there',
    remove: () => tables.networks.delete(place),
  };
}

const said = (where: string, difference: string | undefined): string | undefined =>
  difference === undefined ? undefined : `${where}: ${difference}`;

/** The first element of a run that is not as wanted. */
function compareRun<T extends object>(
  name: string,
  wanted: readonly T[],
  found: Iterable<[index: number, value: T]>,
): string | undefined {
  let at = 0;
  for (const [index, value] of found) {
    const expected = wanted[at++];
    const difference = expected === undefined ? 'is one too many' : firstDifference(expected, value);
    if (difference !== undefined) return `${name} ${index}: ${difference}`;
  }
  return at < wanted.length ? `${name}s: ${at} of ${wanted.length} are there` : undefined;
}

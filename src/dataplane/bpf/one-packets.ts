/**
 * Where the servers of one-packet services answer from: as such a service keeps no connections, this tells whose answer a
 * packet is. An entry is there before its server gets a packet, and until its number is given back: answers may be late.
 */
import { type Endpoint, familyOf, formatEndpoint } from '../../core/address/address.ts';
import { endpointsOf, type VirtualService } from '../../core/model/service.ts';
import type { WeirOnePacketKey } from './contract.generated.ts';
import type { Registry, ServerEntry, ServiceEntry } from './registry.ts';
import type { Tables } from './tables.ts';
import { addressWords, swapPort } from './words.ts';

interface Held {
  readonly tables: Tables;
  readonly registry: Registry;
}

/** The key of a server; one without a port of its own has its service's. */
function onePacketKey({ address, port }: Endpoint, service: VirtualService): WeirOnePacketKey {
  return { address: addressWords(address), port: swapPort(port || service.port), family: familyOf(address) };
}

/** Keys and numbers of the servers that the service is to have, the sorry server's too; none if it keeps connections. */
export function onePacketsOf(
  { servers }: ServiceEntry,
  service: VirtualService,
): readonly (readonly [WeirOnePacketKey, id: number])[] {
  if (!service.one_packet) return [];
  return endpointsOf(service).map(
    (server) => [onePacketKey(server, service), servers.get(formatEndpoint(server))!.id] as const,
  );
}

/** Writes those of a service that is about to be published. */
export function writeOnePackets({ tables }: Held, entry: ServiceEntry, service: VirtualService): void {
  const wanted = onePacketsOf(entry, service);
  for (const [key, id] of wanted) if (tables.onePacket.get(key) !== id) tables.onePacket.set(key, id);
  if (wanted.length > 0) tellWhetherAny(tables);
}

/** Forgets a server whose number is about to be given back; another's entry with the same endpoint stays. */
export function forgetOnePacketsOf({ tables }: Held, { service }: ServiceEntry, server: ServerEntry): void {
  if (tables.settings.get(0).one_packets === 0) return;
  const key = onePacketKey(server.endpoint, service);
  if (tables.onePacket.get(key) === server.id) tables.onePacket.delete(key);
  tellWhetherAny(tables);
}

/** Forgets the servers of a service that has been published and keeps connections now. */
export function forgetOnePackets(to: Held, entry: ServiceEntry): void {
  for (const server of entry.servers.values()) forgetOnePacketsOf(to, entry, server);
}

/** Puts right what a process that was cut short has left: those of all that is published. */
export function restoreOnePackets(to: Held): void {
  const { tables, registry } = to;
  const wanted = new Map<string, readonly [WeirOnePacketKey, number]>();
  for (const entry of registry.byId.values())
    if (entry.published)
      for (const one of onePacketsOf(entry, entry.service)) wanted.set(nameOf(one[0]), one);
  for (const key of keysOf(tables)) if (!wanted.has(nameOf(key))) tables.onePacket.delete(key);
  for (const [key, id] of wanted.values())
    if (tables.onePacket.get(key) !== id) tables.onePacket.set(key, id);
  tellWhetherAny(tables);
}

/** What is wrong about where the service's servers answer from; undefined when nothing is. */
export function onePacketDamage({ tables }: Held, entry: ServiceEntry): string | undefined {
  const wanted = onePacketsOf(entry, entry.service);
  if (wanted.length > 0 && tables.settings.get(0).one_packets === 0)
    return 'settings say that no service is of single packets';
  for (const [key, id] of wanted) {
    const found = tables.onePacket.get(key);
    if (found !== id) return `answers of server ${id} lead to ${found ?? 'none'}`;
  }
  return undefined;
}

const nameOf = ({ address, port, family }: WeirOnePacketKey): string => [...address, port, family].join(' ');

function keysOf({ onePacket }: Tables): WeirOnePacketKey[] {
  const keys: WeirOnePacketKey[] = [];
  for (let key = onePacket.next(undefined); key !== undefined; key = onePacket.next(key)) keys.push(key);
  return keys;
}

/** Tells the packet path whether there are any: while there are none it does not look. */
function tellWhetherAny(tables: Tables): void {
  const one_packets = Number(tables.onePacket.next(undefined) !== undefined);
  if (tables.settings.get(0).one_packets !== one_packets) tables.settings.change({ one_packets });
}

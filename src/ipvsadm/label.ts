/** How services and servers are called in listings. */
import { type Address, type Endpoint, familyOf } from '../core/address/address.ts';
import type { IpvsProtocol, IpvsServiceId } from '../dataplane/ipvs/codec/values.ts';
import type { Labels } from './names.ts';

/** An IPv6 address in brackets with its port has so much room, longer names are cut. */
const IPV6_ROOM = 59;
/** And an IPv4 one in a listing. */
const IPV4_ROOM = 28;

/** An address as inet_ntop(3) writes it: one in whose first 96 bits nothing is set has its end as IPv4 (::8000:1 is ::128.0.0.1). */
export function addressText(address: Address): string {
  const [, high, low] = /^::([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(address) ?? [];
  if (high === undefined || low === undefined) return address;
  const words = [high, low].map((word) => Number.parseInt(word, 16));
  return `::${words.flatMap((word) => [word >> 8, word & 255]).join('.')}`;
}

/** `host:port`, with names where `labels` has them; `protocol`: of which the port's name is, undefined: it has none. */
export function endpointLabel(
  { address, port }: Endpoint,
  protocol: IpvsProtocol | undefined,
  labels: Labels,
): string {
  const host = labels.hostOf(address) ?? addressText(address);
  const name = protocol === undefined || port === 0 ? undefined : labels.nameOf(port, protocol);
  if (familyOf(address) === 4) return `${host}:${name ?? port}`;
  return `[${host}]:${name ?? port}`.slice(0, IPV6_ROOM);
}

/** The same as it stands in a column of a listing. */
export function columnLabel(endpoint: Endpoint, protocol: IpvsProtocol | undefined, labels: Labels): string {
  const label = endpointLabel(endpoint, protocol, labels);
  return familyOf(endpoint.address) === 4 ? label.slice(0, IPV4_ROOM) : label;
}

/** The protocol by which a service's ports have names; those of marks have none. */
export const protocolOf = (id: IpvsServiceId): IpvsProtocol | undefined =>
  'fwmark' in id ? undefined : id.protocol;

/** `TCP  203.0.113.100:80`, `FWM  1 IPv6`. */
export function serviceLabel(id: IpvsServiceId, labels: Labels): string {
  // A mark is shown as a signed number.
  if ('fwmark' in id) return `FWM  ${id.fwmark | 0}${id.family === 6 ? ' IPv6' : ''}`;
  return `${id.protocol.toUpperCase().padEnd(4)} ${columnLabel(id, id.protocol, labels)}`;
}

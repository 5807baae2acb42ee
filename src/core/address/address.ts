/** IP addresses, prefixes and endpoints: outside text becomes one of these once, at the edge. */
import ipaddr from 'ipaddr.js';

declare const addressBrand: unique symbol;

/** An IPv4 or IPv6 address in canonical text (RFC 5952 for IPv6); equal addresses are equal strings. */
export type Address = string & { readonly [addressBrand]: true };

/** 4 for IPv4, 6 for IPv6. */
export type Family = 4 | 6;

/** An address and a prefix length: 0–32 for IPv4, 0–128 for IPv6. The host part may be set. */
export interface Prefix {
  readonly address: Address;
  readonly length: number;
}

/** An address and a port, 1–65535. */
export interface Endpoint {
  readonly address: Address;
  readonly port: number;
}

/** Reads an address in strict notation (four decimal parts, or RFC 4291 text without a zone); undefined if it is none. */
export function parseAddress(text: string): Address | undefined {
  if (text.includes('%')) return undefined;
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return text as Address;
  if (!text.includes(':') || !ipaddr.IPv6.isValid(text)) return undefined;
  const parsed = ipaddr.IPv6.parse(text);
  return parsed.toRFC5952String() as Address;
}

/** The family of an address. */
export function familyOf(address: Address): Family {
  return address.includes(':') ? 6 : 4;
}

/** The highest prefix length of a family: 32 or 128. */
export function widthOf(family: Family): 32 | 128 {
  return family === 4 ? 32 : 128;
}

/** The range that an address lies in, by the name ipaddr.js has for it: `unicast`, `loopback`, `multicast`, … */
export function rangeOf(address: Address): string {
  return ipaddr.parse(address).range();
}

/** The IPv4 address inside an IPv4-mapped IPv6 one (RFC 4291, 2.5.5.2); undefined for any other. */
export function embeddedIpv4(address: Address): Address | undefined {
  const parsed = ipaddr.parse(address);
  if (!(parsed instanceof ipaddr.IPv6) || !parsed.isIPv4MappedAddress()) return undefined;
  return parsed.toIPv4Address().toString() as Address;
}

/** An address in network byte order: 4 or 16 bytes. */
export function addressBytes(address: Address): Uint8Array {
  // IPv4 by itself: the data plane asks for a hundred thousand of these when it starts.
  if (familyOf(address) === 4) return ipv4Bytes(address);
  return Uint8Array.from(ipaddr.parse(address).toByteArray());
}

function ipv4Bytes(address: Address): Uint8Array {
  const bytes = new Uint8Array(4);
  let part = 0;
  for (let i = 0; i < address.length; i++) {
    const code = address.charCodeAt(i);
    if (code === 0x2e) part++;
    else bytes[part] = bytes[part]! * 10 + code - 0x30;
  }
  return bytes;
}

/** The address held by 4 or 16 bytes in network byte order; throws a RangeError for any other length. */
export function addressFromBytes(bytes: Uint8Array): Address {
  if (bytes.length !== 4 && bytes.length !== 16)
    throw new RangeError(`an address has 4 or 16 bytes, not ${bytes.length}`);
  if (bytes.length === 4) return bytes.join('.') as Address;
  return new ipaddr.IPv6(Array.from(bytes)).toRFC5952String() as Address;
}

/** Reads `address/length`, or a bare address as its full width; undefined if it is neither. */
export function parsePrefix(text: string): Prefix | undefined {
  const [head, tail, ...rest] = text.split('/');
  if (head === undefined || rest.length > 0) return undefined;
  const address = parseAddress(head);
  if (address === undefined) return undefined;
  const width = widthOf(familyOf(address));
  if (tail === undefined) return { address, length: width };
  if (!/^\d{1,3}$/.test(tail) || Number(tail) > width) return undefined;
  return { address, length: Number(tail) };
}

/** `203.0.113.100/24`, the form `parsePrefix` reads. */
export function formatPrefix(prefix: Prefix): string {
  return `${prefix.address}/${prefix.length}`;
}

/** The prefix with its host bits cleared: the network that the address lies in. */
export function networkOf(prefix: Prefix): Prefix {
  const bytes = addressBytes(prefix.address);
  for (let bit = prefix.length; bit < bytes.length * 8; bit++) bytes[bit >> 3]! &= ~(0x80 >> (bit & 7));
  return { address: addressFromBytes(bytes), length: prefix.length };
}

/** `192.168.1.101:80`, or `[2001:db8::1]:80` for IPv6. */
export function formatEndpoint(endpoint: Endpoint): string {
  const { address, port } = endpoint;
  return familyOf(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Reads what `formatEndpoint` writes; undefined if the text is anything else or the port lies outside 0–65535. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const address = parseAddress(match[1] ?? match[2] ?? '');
  const port = Number(match[3]);
  if (address === undefined || port > 65535) return undefined;
  if ((familyOf(address) === 6) !== (match[1] !== undefined)) return undefined;
  return { address, port };
}

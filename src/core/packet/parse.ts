/** Frame in → addresses, ports and flags out, or the reason why it is not for us: the reference for bpf/parse.h. */
import type { Family } from '../address/address.ts';
import { ETHERNET_HEADER, read16, read32, sameBytes } from './bytes.ts';
import type { Verdict } from './verdict.ts';

export const ICMP = 1;
export const TCP = 6;
export const UDP = 17;
export const ICMPV6 = 58;

/** A frame as it came in; `gsoSize` is not 0 for one that the kernel will cut into segments of so much payload. */
export interface Arrival {
  readonly frame: Uint8Array;
  readonly ifindex: number;
  readonly gsoSize?: number;
}

/** What all fragments of a packet have in common; `id` is 0 for one that is whole. */
export interface Datagram {
  readonly family: Family;
  readonly source: Uint8Array;
  readonly target: Uint8Array;
  readonly protocol: number;
  readonly id: number;
}

/** What the packet path needs to know of a TCP segment or UDP datagram. */
export interface Packet extends Datagram {
  readonly protocol: typeof TCP | typeof UDP;
  /** What it is of its datagram; only the first fragment has ports, in a later one ports and flags are 0. */
  readonly part: 'whole' | 'first' | 'later';
  readonly sourcePort: number;
  readonly targetPort: number;
  readonly ttl: number;
  /** Byte 13 of the TCP header; 0 for UDP. */
  readonly flags: number;
  /** Where the transport header begins in the frame. */
  readonly transport: number;
  /** Length of the TCP or UDP header. */
  readonly transportBytes: number;
  /** Length from the IP header on, as that header says. */
  readonly bytes: number;
}

/** Why a frame is not for us, and its protocol: 0 if there is not even a whole IP header. */
export interface Refusal {
  readonly why: Verdict;
  readonly protocol: number;
  /** Of a malformed first fragment: what the later ones are known by. */
  readonly first?: Datagram;
}

/** Whether the packet was parsed. */
export function isPacket(parsed: Packet | Refusal): parsed is Packet {
  return !('why' in parsed);
}

/** Reads a frame of the family that its EtherType says. */
export function parse(arrival: Arrival, family: Family): Packet | Refusal {
  return family === 4 ? parse4(arrival) : parse6(arrival);
}

const isBalanced = (protocol: number): protocol is Packet['protocol'] => protocol === TCP || protocol === UDP;
const transportSize = (protocol: number): number => (protocol === TCP ? 20 : 8);

function parse4({ frame, gsoSize = 0 }: Arrival): Packet | Refusal {
  const ip = ETHERNET_HEADER;
  if (frame.length < ip + 20) return { why: 'malformed', protocol: 0 };
  const protocol = frame[ip + 9]!;
  if (!isBalanced(protocol)) return { why: 'not_ours', protocol };
  const header = (frame[ip]! & 0xf) * 4;
  const said = read16(frame, ip + 2);
  const bytes = said === 0 && gsoSize > 0 ? frame.length - ip : said;
  // More fragments, and an offset (RFC 791, 3.1).
  const fragment = read16(frame, ip + 6) & 0x3fff;
  const isLater = (fragment & 0x1fff) !== 0;
  if (frame[ip]! >> 4 !== 4 || header < 20 || bytes > frame.length - ip || (isLater && bytes <= header))
    return { why: 'malformed', protocol };
  return withTransport(frame, {
    family: 4,
    source: frame.slice(ip + 12, ip + 16),
    target: frame.slice(ip + 16, ip + 20),
    protocol,
    ttl: frame[ip + 8]!,
    transport: ip + header,
    bytes,
    part: isLater ? 'later' : fragment !== 0 ? 'first' : 'whole',
    id: fragment === 0 ? 0 : read16(frame, ip + 4),
  });
}

function parse6({ frame, gsoSize = 0 }: Arrival): Packet | Refusal {
  const ip = ETHERNET_HEADER;
  if (frame.length < ip + 40) return { why: 'malformed', protocol: 0 };
  const plain = { protocol: frame[ip + 6]!, transport: ip + 40, part: 'whole', id: 0 } as const;
  const carried = isBalanced(plain.protocol) ? plain : skipExtensions(frame);
  if (carried === undefined) return { why: 'not_ours', protocol: plain.protocol };
  const { protocol, transport } = carried;
  const said = read16(frame, ip + 4);
  const bytes = 40 + (said === 0 && gsoSize > 0 ? frame.length - ip - 40 : said);
  if (frame[ip]! >> 4 !== 6 || bytes > frame.length - ip || transport - ip >= bytes || !isBalanced(protocol))
    return { why: 'malformed', protocol };
  return withTransport(frame, {
    ...carried,
    protocol,
    family: 6,
    source: frame.slice(ip + 8, ip + 24),
    target: frame.slice(ip + 24, ip + 40),
    ttl: frame[ip + 7]!,
    bytes,
  });
}

const HOP_BY_HOP = 0;
const ROUTING = 43;
export const FRAGMENT = 44;
const DESTINATION_OPTIONS = 60;
const EXTENSIONS = [HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION_OPTIONS];
const MOST_EXTENSIONS = 4;
const MOST_EXTENSION_BYTES = 128;

/**
 * What is behind a few extension headers (RFC 8200, 4): options, a routing header that has done its work, and a
 * fragment header as the last one; undefined for all else. Lengths are not held against the packet's.
 */
function skipExtensions(
  frame: Uint8Array,
): Pick<Packet, 'protocol' | 'transport' | 'part' | 'id'> | undefined {
  const first = ETHERNET_HEADER + 40;
  let kind = frame[ETHERNET_HEADER + 6]!;
  let transport = first;
  for (let i = 0; i < MOST_EXTENSIONS; i++) {
    // Hop-by-hop options come first or not at all (RFC 8200, 4.1).
    const isKnown = EXTENSIONS.includes(kind) && (i === 0 || kind !== HOP_BY_HOP);
    if (!isKnown || frame.length < transport + 8) return undefined;
    const at = transport;
    const protocol = frame[at]!;
    const word = read16(frame, at + 2);
    // Segments left (RFC 8200, 4.4).
    if (kind === ROUTING && (word & 0xff) !== 0) return undefined;
    transport += kind === FRAGMENT ? 8 : 8 * (frame[at + 1]! + 1);
    if (transport - first > MOST_EXTENSION_BYTES) return undefined;
    // Offset and "more" (RFC 8200, 4.5); a fragment of neither is whole (RFC 6946).
    const isFragment = kind === FRAGMENT && (word & 0xfff9) !== 0;
    if (isBalanced(protocol))
      return {
        protocol,
        transport,
        part: !isFragment ? 'whole' : (word & 0xfff8) !== 0 ? 'later' : 'first',
        id: isFragment ? read32(frame, at + 4) : 0,
      };
    if (kind === FRAGMENT) return undefined;
    kind = protocol;
  }
  return undefined;
}

function withTransport(
  frame: Uint8Array,
  network: Omit<Packet, 'sourcePort' | 'targetPort' | 'flags' | 'transportBytes'>,
): Packet | Refusal {
  const { transport, protocol, part, bytes } = network;
  if (part === 'later') return { ...network, sourcePort: 0, targetPort: 0, flags: 0, transportBytes: 0 };
  const malformed = { why: 'malformed', protocol, ...(part === 'first' && { first: network }) } as const;
  if (bytes < transport - ETHERNET_HEADER + transportSize(protocol)) return malformed;
  const transportBytes = protocol === TCP ? (frame[transport + 12]! >> 4) * 4 : transportSize(protocol);
  if (transportBytes < transportSize(protocol)) return malformed;
  return {
    ...network,
    sourcePort: read16(frame, transport),
    targetPort: read16(frame, transport + 2),
    flags: protocol === TCP ? frame[transport + 13]! : 0,
    transportBytes,
  };
}

/** Addresses that no client can have (RFC 1812, 5.3.7; RFC 4291, 2.7). */
export function isMartianAddress(address: Uint8Array): boolean {
  const first = address[0]!;
  if (address.length === 4) return first === 0 || first === 127 || first >= 224;
  if (first === 0xff || (first === 0xfe && (address[1]! & 0xc0) === 0x80)) return true;
  return address.subarray(0, 15).every((byte) => byte === 0) && address[15]! <= 1;
}

/** What comes from such a one, or from its own target: the stack is left to drop it. */
export function isMartian({ source, target }: Packet): boolean {
  return sameBytes(source, target) || isMartianAddress(source);
}

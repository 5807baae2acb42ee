/** Frame in → addresses, ports and flags out, or the reason why it is not for us: the reference for bpf/parse.h. */
import type { Family } from '../address/address.ts';
import { ETHERNET_HEADER, read16, sameBytes } from './bytes.ts';
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

/** What the packet path needs to know of a TCP segment or UDP datagram. */
export interface Packet {
  readonly family: Family;
  readonly source: Uint8Array;
  readonly target: Uint8Array;
  readonly sourcePort: number;
  readonly targetPort: number;
  readonly protocol: typeof TCP | typeof UDP;
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
  // More fragments, or an offset (RFC 791, 3.1).
  if ((read16(frame, ip + 6) & 0x3fff) !== 0) return { why: 'fragment', protocol };
  const header = (frame[ip]! & 0xf) * 4;
  const said = read16(frame, ip + 2);
  const bytes = said === 0 && gsoSize > 0 ? frame.length - ip : said;
  if (
    frame[ip]! >> 4 !== 4 ||
    header < 20 ||
    bytes < header + transportSize(protocol) ||
    bytes > frame.length - ip
  )
    return { why: 'malformed', protocol };
  return withTransport(frame, {
    family: 4,
    source: frame.slice(ip + 12, ip + 16),
    target: frame.slice(ip + 16, ip + 20),
    protocol,
    ttl: frame[ip + 8]!,
    transport: ip + header,
    bytes,
  });
}

/** Extension headers are not followed: what comes behind one is the stack's. */
function parse6({ frame, gsoSize = 0 }: Arrival): Packet | Refusal {
  const ip = ETHERNET_HEADER;
  if (frame.length < ip + 40) return { why: 'malformed', protocol: 0 };
  const protocol = frame[ip + 6]!;
  if (!isBalanced(protocol)) return { why: 'not_ours', protocol };
  const said = read16(frame, ip + 4);
  const payload = said === 0 && gsoSize > 0 ? frame.length - ip - 40 : said;
  if (frame[ip]! >> 4 !== 6 || payload < transportSize(protocol) || 40 + payload > frame.length - ip)
    return { why: 'malformed', protocol };
  return withTransport(frame, {
    family: 6,
    source: frame.slice(ip + 8, ip + 24),
    target: frame.slice(ip + 24, ip + 40),
    protocol,
    ttl: frame[ip + 7]!,
    transport: ip + 40,
    bytes: 40 + payload,
  });
}

function withTransport(
  frame: Uint8Array,
  network: Omit<Packet, 'sourcePort' | 'targetPort' | 'flags' | 'transportBytes'>,
): Packet | Refusal {
  const { transport, protocol } = network;
  const transportBytes = protocol === TCP ? (frame[transport + 12]! >> 4) * 4 : transportSize(protocol);
  if (transportBytes < transportSize(protocol)) return { why: 'malformed', protocol };
  return {
    ...network,
    sourcePort: read16(frame, transport),
    targetPort: read16(frame, transport + 2),
    flags: protocol === TCP ? frame[transport + 13]! : 0,
    transportBytes,
  };
}

/** Sources that no client can have: the stack is left to drop them (RFC 1812, 5.3.7; RFC 4291, 2.7). */
export function isMartian({ source, target, family }: Packet): boolean {
  if (sameBytes(source, target)) return true;
  const first = source[0]!;
  if (family === 4) return first === 0 || first === 127 || first >= 224;
  if (first === 0xff || (first === 0xfe && (source[1]! & 0xc0) === 0x80)) return true;
  return source.subarray(0, 15).every((byte) => byte === 0) && source[15]! <= 1;
}

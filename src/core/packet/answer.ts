/** What the packet path answers itself, where a router or an end would: the reference for bpf/answer.h. */
import type { Family } from '../address/address.ts';
import { ETHERNET_HEADER, write16, write32 } from './bytes.ts';
import { checksumOf } from './checksum.ts';
import { drop, type Outcome } from './outcome.ts';
import { type Arrival, ICMP, ICMPV6, type Packet, TCP } from './parse.ts';
import { ACK, FIN, RST, SYN } from './state.ts';
import type { World } from './world.ts';

/** Why a packet is not forwarded, where its sender is told. */
export type Refusal = 'no_server' | 'server_gone' | 'no_route' | 'ttl_exceeded' | 'too_big';

/** An error's type and code (RFC 792; RFC 4443), by family and reason. */
const ERRORS: Readonly<Record<Family, Readonly<Record<Refusal, readonly [type: number, code: number]>>>> = {
  4: { no_server: [3, 3], server_gone: [3, 3], no_route: [3, 1], ttl_exceeded: [11, 0], too_big: [3, 4] },
  6: { no_server: [1, 4], server_gone: [1, 4], no_route: [1, 0], ttl_exceeded: [3, 0], too_big: [2, 0] },
};

/** The longest that an error may be, from the IP header on (RFC 1812, 4.3.2.3; RFC 4443, 2.4 (c)). */
const MOST: Readonly<Record<Family, number>> = { 4: 576, 6: 1280 };

/** IANA's default TTL. */
const HOPS = 64;
/** Internetwork control (RFC 1812, 4.3.2.5). */
const ERROR_TOS = 0xc0;

/**
 * Counts why a packet is not forwarded, and tells its sender from the address `from`, the VIP: not in answer to a
 * reset (RFC 9293, 3.5.2), not to somebody to whom no way leads, such as a broadcast address (RFC 1122, 3.2.2), and
 * not more often than the world's rate allows. `mtu` is that of the way out, for `too_big`.
 */
export function refuse(
  world: World,
  { frame, ifindex }: Arrival,
  packet: Packet,
  why: Refusal,
  from: Uint8Array,
  mtu = 0,
): Outcome {
  world.verdicts[why]++;
  const { protocol, source, part } = packet;
  // Of fragments only the first is answered (RFC 1122, 3.2.2).
  if (part === 'later') return { action: 'DROP', frame };
  const back = world.surroundings.route({ ifindex, source: from, target: source, protocol });
  if ((packet.flags & RST) !== 0 || back === undefined) return { action: 'DROP', frame };
  if (!isWithinRate(world, why)) return drop(world, 'answer_limited', frame);
  // A reset acknowledges the whole segment: for a fragment of one nobody knows how much that is.
  const isLost = why === 'no_server' || why === 'server_gone';
  const isReset = isLost && protocol === TCP && part === 'whole';
  // A TCP header longer than its packet: nobody can say what the next sequence number is.
  if (isReset && payloadOf(packet) < 0) return { action: 'DROP', frame };
  world.verdicts.answered++;
  const answer = isReset ? resetTo(frame, packet, from) : errorTo(frame, packet, from, why, mtu);
  const ends = [...frame.subarray(6, 12), ...frame.subarray(0, 6), ...frame.subarray(12, ETHERNET_HEADER)];
  return { action: 'REDIRECT', frame: Uint8Array.of(...ends, ...answer) };
}

/** Takes a place among the answers, or among those about size, and tells whether there was one. */
function isWithinRate({ answers, surroundings }: World, why: Refusal): boolean {
  const now = surroundings.now();
  const which = why === 'too_big' ? 'paidTooBig' : 'paid';
  if (answers.interval === Number.POSITIVE_INFINITY) return false;
  const next = Math.max(answers[which], now) + answers.interval;
  if (next - now > answers.interval * answers.burst) return false;
  answers[which] = next;
  return true;
}

/** The sum over these bytes as the pseudo-header wants it (RFC 9293, 3.1; RFC 8200, 8.1). */
export function sumWithAddresses(
  from: Uint8Array,
  to: Uint8Array,
  protocol: number,
  bytes: Uint8Array,
): number {
  return checksumOf(from, to, Uint8Array.of(0, protocol, bytes.length >> 8, bytes.length & 0xff), bytes);
}

/** An IP packet of the program's own. */
export function ipPacket(
  from: Uint8Array,
  to: Uint8Array,
  protocol: number,
  carried: Uint8Array,
  tos: number,
): Uint8Array {
  if (from.length === 16) {
    const head = Uint8Array.of(0x60, 0, 0, 0, carried.length >> 8, carried.length & 0xff, protocol, HOPS);
    return Uint8Array.of(...head, ...from, ...to, ...carried);
  }
  const length = 20 + carried.length;
  const head = Uint8Array.of(0x45, tos, length >> 8, length & 0xff, 0, 0, 0x40, 0, HOPS, protocol, 0, 0);
  const header = Uint8Array.of(...head, ...from, ...to);
  write16(header, 10, checksumOf(header));
  return Uint8Array.of(...header, ...carried);
}

/** An ICMP error that quotes the packet as it came. */
function errorTo(frame: Uint8Array, packet: Packet, from: Uint8Array, why: Refusal, mtu: number): Uint8Array {
  const { family, source, bytes } = packet;
  const room = MOST[family] - (family === 4 ? 20 : 40) - 8;
  const quoted = frame.subarray(ETHERNET_HEADER, ETHERNET_HEADER + Math.min(bytes, room));
  const message = Uint8Array.of(...ERRORS[family][why], 0, 0, 0, 0, mtu >> 8, mtu & 0xff, ...quoted);
  write16(message, 2, family === 4 ? checksumOf(message) : sumWithAddresses(from, source, ICMPV6, message));
  return ipPacket(from, source, family === 4 ? ICMP : ICMPV6, message, ERROR_TOS);
}

/** Bytes behind the transport header; below 0 where that claims to be longer than the packet. */
function payloadOf({ transport, transportBytes, bytes }: Packet): number {
  return bytes - (transport - ETHERNET_HEADER) - transportBytes;
}

/**
 * The reset that a closed connection answers a segment with, or a closed port (RFC 9293, 3.10.7.1): with the number that
 * its sender expects (RFC 5961, 3.2) where that is known, and with an acknowledgement where not.
 */
function resetTo(frame: Uint8Array, packet: Packet, from: Uint8Array): Uint8Array {
  const { source, transport, flags } = packet;
  const numbers = new DataView(frame.buffer, frame.byteOffset + transport + 4);
  // Each takes a number.
  const [isSyn, isFin] = [(flags & SYN) !== 0, (flags & FIN) !== 0];
  const segment = new Uint8Array(20);
  write16(segment, 0, packet.targetPort);
  write16(segment, 2, packet.sourcePort);
  if (flags & ACK) write32(segment, 4, numbers.getUint32(4));
  else write32(segment, 8, numbers.getUint32(0) + payloadOf(packet) + Number(isSyn) + Number(isFin));
  segment.set([0x50, flags & ACK ? RST : RST | ACK], 12);
  write16(segment, 16, sumWithAddresses(from, source, TCP, segment));
  return ipPacket(from, source, TCP, segment, 0);
}

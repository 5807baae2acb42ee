/** Frames, written out by hand: well-formed unless somebody asks otherwise. */

import { type Address, addressBytes as bytesOfAddress, familyOf } from '../../src/core/address/address.ts';
import type { VirtualService } from '../../src/core/model/service.ts';
import { ETHERNET_HEADER, read16, write16, write32 } from '../../src/core/packet/bytes.ts';
import { checksumOf } from '../../src/core/packet/checksum.ts';
import { ICMP, ICMPV6, TCP, UDP } from '../../src/core/packet/parse.ts';

/** The MAC address of the interface that simulated frames come in by. */
export const SIMULATED_MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);

/** These, one after the other; many times faster than spreading them byte by byte. */
export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The bytes of an address, read once; not to be written to. A test has few addresses and many packets. */
export const addressBytes = remembering(bytesOfAddress);

function remembering<K, V>(make: (key: K) => V): (key: K) => V {
  const known = new Map<K, V>();
  return (key) => {
    const value = known.get(key) ?? make(key);
    known.set(key, value);
    return value;
  };
}

/** An IP packet's header, and what it carries. */
export interface Network {
  readonly source: Address;
  readonly target: Address;
  readonly ttl?: number;
  /** IPv4 options, a multiple of 4 bytes. */
  readonly options?: Uint8Array;
  /** IPv4 only. */
  readonly dontFragment?: boolean;
}

/** A segment or datagram. */
export interface Transport extends Network {
  /** Of a service; none but tcp and udp is written here. */
  readonly protocol: VirtualService['protocol'];
  readonly sourcePort: number;
  readonly targetPort: number;
  /** TCP only. Default SYN. */
  readonly flags?: number;
  /** TCP only: its number, and that which it acknowledges. Default 0. */
  readonly sequence?: number;
  readonly acknowledged?: number;
  readonly payload?: Uint8Array;
}

/** The sum over these bytes as the pseudo-header wants it (RFC 9293, 3.1; RFC 8200, 8.1). */
function withPseudoHeader(network: Network, protocol: number, bytes: Uint8Array): number {
  const tail = Uint8Array.of(0, protocol, bytes.length >> 8, bytes.length & 0xff);
  return checksumOf(addressBytes(network.source), addressBytes(network.target), tail, bytes);
}

/** An IP packet around `carried`, without an Ethernet header. */
export function ipPacket(network: Network, protocol: number, carried: Uint8Array): Uint8Array {
  const { source, target, ttl = 64, options = new Uint8Array(), dontFragment = false } = network;
  if (familyOf(source) === 6) {
    const head = Uint8Array.of(0x60, 0, 0, 0, carried.length >> 8, carried.length & 0xff, protocol, ttl);
    return joined(head, addressBytes(source), addressBytes(target), carried);
  }
  const header = new Uint8Array(20 + options.length);
  header.set([0x40 | (header.length / 4), 0]);
  write16(header, 2, header.length + carried.length);
  if (dontFragment) header[6] = 0x40;
  header.set([ttl, protocol], 8);
  header.set(joined(addressBytes(source), addressBytes(target), options), 12);
  write16(header, 10, checksumOf(header));
  return joined(header, carried);
}

/** An IP packet with a segment or datagram in it. */
export function transportPacket(packet: Transport): Uint8Array {
  const { protocol, payload = new Uint8Array() } = packet;
  const isTcp = protocol === 'tcp';
  const bytes = new Uint8Array((isTcp ? 20 : 8) + payload.length);
  write16(bytes, 0, packet.sourcePort);
  write16(bytes, 2, packet.targetPort);
  if (isTcp) {
    write32(bytes, 4, packet.sequence ?? 0);
    write32(bytes, 8, packet.acknowledged ?? 0);
    bytes.set([0x50, packet.flags ?? 2, 0xff, 0xff], 12);
  }
  if (!isTcp) write16(bytes, 4, bytes.length);
  bytes.set(payload, isTcp ? 20 : 8);
  const number = isTcp ? TCP : UDP;
  write16(bytes, isTcp ? 16 : 6, withPseudoHeader(packet, number, bytes) || 0xffff);
  return ipPacket(packet, number, bytes);
}

/** An ICMP message of the family of its addresses: type, code, the second word, and what it quotes. */
export function icmpPacket(network: Network, type: number, code: number, quoted: Uint8Array): Uint8Array {
  const bytes = Uint8Array.of(type, code, 0, 0, 0, 0, 0x05, 0x14, ...quoted);
  const isV6 = familyOf(network.source) === 6;
  write16(bytes, 2, isV6 ? withPseudoHeader(network, ICMPV6, bytes) : checksumOf(bytes));
  return ipPacket(network, isV6 ? ICMPV6 : ICMP, bytes);
}

/**
 * An IP packet cut into fragments that carry `size` bytes each, a multiple of 8, the last one what is left. IPv6:
 * behind so many units of 8 bytes of destination options (RFC 8200, 4.5).
 */
export function fragmentsOf(packet: Uint8Array, id: number, size: number, units = 0): Uint8Array[] {
  const isV6 = packet[0]! >> 4 === 6;
  const header = isV6 ? 40 : 4 * (packet[0]! & 0xf);
  const carried = packet.subarray(header);
  const offsets = Array.from({ length: Math.ceil(carried.length / size) }, (_, i) => i * size);
  return offsets.map((offset) => {
    const part = carried.subarray(offset, offset + size);
    const more = offset + size < carried.length;
    return isV6
      ? fragment6(packet, part, id, offset | Number(more), units)
      : fragment4(packet.subarray(0, header), part, id, (offset / 8) | (more ? 0x2000 : 0));
  });
}

function fragment4(header: Uint8Array, part: Uint8Array, id: number, word: number): Uint8Array {
  const packet = joined(header, part);
  write16(packet, 2, packet.length);
  write16(packet, 4, id);
  write16(packet, 6, (read16(header, 6) & 0x4000) | word);
  write16(packet, 10, 0);
  write16(packet, 10, checksumOf(packet.subarray(0, header.length)));
  return packet;
}

function fragment6(whole: Uint8Array, part: Uint8Array, id: number, word: number, units: number): Uint8Array {
  const options = new Uint8Array(8 * units);
  if (units > 0) options.set([44, units - 1, 1, options.length - 4]);
  const fragment = new Uint8Array(8);
  fragment[0] = whole[6]!;
  write16(fragment, 2, word);
  write32(fragment, 4, id);
  const packet = joined(whole.subarray(0, 40), options, fragment, part);
  packet[6] = units > 0 ? 60 : 44;
  write16(packet, 4, packet.length - 40);
  return packet;
}

/** The packet that fragments make up, in the order given; IPv6 ones have no header but the fragment's. */
export function reassemble(fragments: readonly Uint8Array[]): Uint8Array {
  const [first] = fragments as [Uint8Array];
  const isV6 = first[0]! >> 4 === 6;
  const header = isV6 ? 40 : 4 * (first[0]! & 0xf);
  const carried = fragments.flatMap((one) => [...one.subarray(isV6 ? 48 : header)]);
  const whole = Uint8Array.of(...first.subarray(0, header), ...carried);
  write16(whole, isV6 ? 4 : 2, isV6 ? carried.length : whole.length);
  if (isV6) whole[6] = first[40]!;
  else {
    // Each header's checksum is to have been right; the whole packet's is another one.
    if (fragments.some((one) => checksumOf(one.subarray(0, header)) !== 0)) return whole;
    write16(whole, 6, read16(first, 6) & 0x4000);
    write16(whole, 10, 0);
    write16(whole, 10, checksumOf(whole.subarray(0, header)));
  }
  return whole;
}

/** An Ethernet frame around an IP packet, to the interface with this MAC address. */
export function frameOf(packet: Uint8Array, mac: Uint8Array): Uint8Array {
  const frame = new Uint8Array(ETHERNET_HEADER + packet.length);
  frame.set(mac);
  frame.set([2, 0, 0, 0, 0, 9], 6);
  write16(frame, 12, packet[0]! >> 4 === 6 ? 0x86dd : 0x0800);
  frame.set(packet, ETHERNET_HEADER);
  return frame;
}

/** Whether every checksum of an IP packet that has no options, extensions or padding is right. */
export function checksumsAreRight(packet: Uint8Array): boolean {
  const isV6 = packet[0]! >> 4 === 6;
  const carried = packet.subarray(isV6 ? 40 : 20);
  const protocol = packet[isV6 ? 6 : 9]!;
  const addresses = isV6 ? packet.subarray(8, 40) : packet.subarray(12, 20);
  const pseudo = Uint8Array.of(0, protocol, carried.length >> 8, carried.length & 0xff);
  const isSummed = protocol === ICMP ? [carried] : [addresses, pseudo, carried];
  return (isV6 || checksumOf(packet.subarray(0, 20)) === 0) && checksumOf(...isSummed) === 0;
}

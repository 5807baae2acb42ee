/** Frames, written out by hand: well-formed unless somebody asks otherwise. */
import { type Address, addressBytes, familyOf } from '../../src/core/address/address.ts';
import { ETHERNET_HEADER, write16 } from '../../src/core/packet/bytes.ts';
import { checksumOf } from '../../src/core/packet/checksum.ts';
import { ICMP, ICMPV6, TCP, UDP } from '../../src/core/packet/parse.ts';

/** The MAC address of the interface that simulated frames come in by. */
export const SIMULATED_MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);

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
  readonly protocol: 'tcp' | 'udp';
  readonly sourcePort: number;
  readonly targetPort: number;
  /** TCP only. Default SYN. */
  readonly flags?: number;
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
    return Uint8Array.of(...head, ...addressBytes(source), ...addressBytes(target), ...carried);
  }
  const header = new Uint8Array(20 + options.length);
  header.set([0x40 | (header.length / 4), 0]);
  write16(header, 2, header.length + carried.length);
  if (dontFragment) header[6] = 0x40;
  header.set([ttl, protocol], 8);
  header.set([...addressBytes(source), ...addressBytes(target), ...options], 12);
  write16(header, 10, checksumOf(header));
  return Uint8Array.of(...header, ...carried);
}

/** An IP packet with a segment or datagram in it. */
export function transportPacket(packet: Transport): Uint8Array {
  const { protocol, payload = new Uint8Array() } = packet;
  const isTcp = protocol === 'tcp';
  const bytes = new Uint8Array((isTcp ? 20 : 8) + payload.length);
  write16(bytes, 0, packet.sourcePort);
  write16(bytes, 2, packet.targetPort);
  if (isTcp) bytes.set([0x50, packet.flags ?? 2, 0xff, 0xff], 12);
  else write16(bytes, 4, bytes.length);
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

/** An IPv4 packet that asks for a TCP connection. */

/** Where a SYN goes and what it says it comes from. Addresses in dotted decimal, ports 1–65535. */
export interface Syn {
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
  /** 0–4294967295. */
  readonly sequence: number;
}

const ipHeader = 20;
const tcpHeader = 20;

/** The internet checksum (RFC 1071) over pieces of even length. */
export function internetChecksum(...pieces: readonly Buffer[]): number {
  let sum = 0;
  for (const piece of pieces) for (let at = 0; at < piece.length; at += 2) sum += piece.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function addressBytes(text: string): Buffer {
  return Buffer.from(text.split('.').map(Number));
}

/** The packet, 40 bytes; the kernel fills in the IP header's checksum and identification (raw(7), IP_HDRINCL). */
export function synPacket(syn: Syn): Buffer {
  const packet = Buffer.alloc(ipHeader + tcpHeader);
  packet.writeUInt8(0x45, 0);
  packet.writeUInt16BE(packet.length, 2);
  packet.writeUInt8(64, 8);
  packet.writeUInt8(6, 9);
  addressBytes(syn.source).copy(packet, 12);
  addressBytes(syn.destination).copy(packet, 16);
  const tcp = packet.subarray(ipHeader);
  tcp.writeUInt16BE(syn.sourcePort, 0);
  tcp.writeUInt16BE(syn.destinationPort, 2);
  tcp.writeUInt32BE(syn.sequence, 4);
  tcp.writeUInt8((tcpHeader / 4) << 4, 12);
  tcp.writeUInt8(0x02, 13);
  tcp.writeUInt16BE(64_240, 14);
  // The pseudo header of RFC 9293, 3.1: both addresses, zero, protocol, TCP length.
  const pseudo = Buffer.concat([packet.subarray(12, 20), Buffer.from([0, 6, 0, tcpHeader])]);
  tcp.writeUInt16BE(internetChecksum(pseudo, tcp), 16);
  return packet;
}

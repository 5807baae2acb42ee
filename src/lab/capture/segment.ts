/** A TCP segment in an Ethernet frame, as much of it as says whose it is and where it goes. */

/** What is read of a segment. Addresses in dotted decimal; ports, sequence and TTL as numbers. */
export interface Segment {
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
  /** Hops that the packet may still take, 0–255. */
  readonly ttl: number;
  /** Of its first byte; rewriting addresses leaves it alone, so it tells a packet from others all along its way. */
  readonly sequence: number;
  /** Bytes of payload. */
  readonly length: number;
}

const ethernetHeader = 14;
/** EtherType of IPv4 (linux/if_ether.h), protocol number of TCP (linux/in.h). */
const etherTypeIpv4 = 0x0800;
const protocolTcp = 6;

const address = (bytes: Buffer): string => [...bytes].join('.');

/** Reads a frame; undefined when it is not a whole TCP segment over IPv4. */
export function parseSegment(frame: Buffer): Segment | undefined {
  if (frame.length < ethernetHeader + 40 || frame.readUInt16BE(12) !== etherTypeIpv4) return undefined;
  const ip = frame.subarray(ethernetHeader);
  const ipLength = (ip[0]! & 0xf) * 4;
  if (ip[9] !== protocolTcp || ip.length < ipLength + 20) return undefined;
  const tcp = ip.subarray(ipLength);
  return {
    source: address(ip.subarray(12, 16)),
    sourcePort: tcp.readUInt16BE(0),
    destination: address(ip.subarray(16, 20)),
    destinationPort: tcp.readUInt16BE(2),
    ttl: ip[8]!,
    sequence: tcp.readUInt32BE(4),
    length: ip.readUInt16BE(2) - ipLength - (tcp[12]! >> 4) * 4,
  };
}

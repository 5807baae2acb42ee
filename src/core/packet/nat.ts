/** Rewriting one address, the ports, the TTL and the checksums over them: the reference for bpf/nat.h. */
import { ETHERNET_HEADER, read16, write16 } from './bytes.ts';
import { changedChecksum } from './checksum.ts';
import { type Packet, TCP } from './parse.ts';

/** What a packet becomes. `end` says which of its addresses changes. */
export interface Rewrite {
  readonly end: 'source' | 'target';
  readonly address: Uint8Array;
  readonly sourcePort: number;
  readonly targetPort: number;
  /** True leaves the TTL to the stack, which lowers it. */
  readonly keepTtl: boolean;
}

/** Changes one address of an IPv4 header at the beginning of the frame's payload, and lowers its TTL by one. */
export function rewriteHeader4(
  frame: Uint8Array,
  { end, address, keepTtl }: Pick<Rewrite, 'end' | 'address' | 'keepTtl'>,
): void {
  const ip = ETHERNET_HEADER;
  const before = frame.slice(ip, ip + 20);
  if (!keepTtl) frame[ip + 8]! -= 1;
  frame.set(address, ip + (end === 'source' ? 12 : 16));
  // The checksum's own word is the same before and after, so that it counts for nothing.
  const checksum = changedChecksum(read16(before, 10), before, frame.subarray(ip, ip + 20));
  write16(frame, ip + 10, checksum);
}

function rewriteHeader6(frame: Uint8Array, { end, address, keepTtl }: Rewrite): void {
  if (!keepTtl) frame[ETHERNET_HEADER + 7]! -= 1;
  frame.set(address, ETHERNET_HEADER + (end === 'source' ? 8 : 24));
}

/** Addresses and ports as the transport checksum sees them. */
const covered = (address: Uint8Array, ports: Uint8Array): Uint8Array => Uint8Array.of(...address, ...ports);

/** Rewrites the frame in place. A wrong checksum stays wrong by as much as it was. */
export function rewriteFrame(frame: Uint8Array, packet: Packet, rewrite: Rewrite): void {
  const { family, transport, protocol } = packet;
  const ports = frame.subarray(transport, transport + 4);
  const before = covered(rewrite.end === 'source' ? packet.source : packet.target, ports);
  if (family === 4) rewriteHeader4(frame, rewrite);
  else rewriteHeader6(frame, rewrite);
  if (packet.part === 'later') return;
  write16(frame, transport, rewrite.sourcePort);
  write16(frame, transport + 2, rewrite.targetPort);
  const at = transport + (protocol === TCP ? 16 : 6);
  const checksum = read16(frame, at);
  // UDP over IPv4 may do without a checksum: 0 means none, and a sum of 0 is written as its complement (RFC 768).
  if (protocol !== TCP && checksum === 0) return;
  const changed = changedChecksum(checksum, before, covered(rewrite.address, ports));
  write16(frame, at, protocol !== TCP && changed === 0 ? 0xffff : changed);
}

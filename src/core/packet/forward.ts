/** A packet and its connection: count, rewrite, send on its way. The reference for bpf/forward.h. */
import { refuse } from './answer.ts';
import { ETHERNET_HEADER, read16, write16 } from './bytes.ts';
import { changedChecksum } from './checksum.ts';
import { isLive } from './connection.ts';
import { rewriteFrame } from './nat.ts';
import type { Outcome } from './outcome.ts';
import type { Arrival, Packet } from './parse.ts';
import type { Direction } from './state.ts';
import type { TrackedConnection, World } from './world.ts';

/** Whether the packets of this connection go by the host's stack. Back from it all go at once. */
export function goesByStack(world: World, connection: TrackedConnection): boolean {
  return world.byStack && connection.byStack;
}

/**
 * Sends the packet on by its connection, or leaves it, rewritten, to the stack; drops it if the connection has been driven
 * out meanwhile. `cut`: by way of the stack, as the fragments before it.
 */
export function forward(
  world: World,
  arrival: Arrival,
  packet: Packet,
  connection: TrackedConnection,
  direction: Direction,
  byStack: boolean,
  cut = false,
): Outcome {
  const { frame } = arrival;
  if (!isLive(world, connection)) return { action: 'DROP', frame };
  const way = direction === 'in' ? connection.toServer : connection.toClient;
  // By the stack it is the stack that sees to it.
  const isTooBig = !byStack && (cut || wireBytes(arrival, packet) > way.mtu);
  if (isTooBig && !mayBeCut(frame, packet)) {
    const from = direction === 'in' ? packet.target : connection.virtual;
    return refuse(world, arrival, packet, 'too_big', from, way.mtu);
  }
  countPacket(connection, packet.bytes, direction);
  const sent = frame.slice();
  if (direction === 'in')
    rewriteFrame(sent, packet, {
      end: 'target',
      address: connection.server.address,
      sourcePort: connection.seenPort,
      targetPort: connection.serverPort,
      keepTtl: byStack,
    });
  else
    rewriteFrame(sent, packet, {
      end: 'source',
      address: connection.virtual,
      sourcePort: connection.virtualPort,
      targetPort: connection.clientPort,
      keepTtl: byStack,
    });
  const by = { connection, cut: isTooBig };
  if (byStack) return { action: 'NEXT', frame: sent, by };
  return isTooBig
    ? { ...leaveToBeCut(world, sent, direction), by }
    : { action: 'REDIRECT', frame: sent, way, by };
}

/** The length that the way out must take: of a packet that will be cut into segments, that of each. */
function wireBytes({ gsoSize = 0 }: Arrival, { bytes, transport, transportBytes }: Packet): number {
  return gsoSize === 0 ? bytes : Math.min(bytes, transport - ETHERNET_HEADER + transportBytes + gsoSize);
}

/** IPv4 without "don't fragment". */
function mayBeCut(frame: Uint8Array, { family }: Packet): boolean {
  return family === 4 && (frame[ETHERNET_HEADER + 6]! & 0x40) === 0;
}

/**
 * Leaves a rewritten IPv4 packet to the stack, which takes one off its TTL itself; a reply as a frame of the loopback
 * interface, since its source is the director's own address.
 */
function leaveToBeCut(world: World, sent: Uint8Array, direction: Direction): Outcome {
  const ttl = ETHERNET_HEADER + 8;
  const before = sent.slice(ttl, ttl + 2);
  sent[ttl]! += 1;
  const checksum = changedChecksum(read16(sent, ttl + 2), before, sent.subarray(ttl, ttl + 2));
  write16(sent, ttl + 2, checksum);
  world.verdicts.fragmented++;
  if (direction === 'in') return { action: 'NEXT', frame: sent };
  sent.fill(0, 0, 12);
  return { action: 'REDIRECT', frame: sent };
}

/** Counts a packet of a connection, `bytes` from the IP header on, for the service and for the server. */
export function countPacket(connection: TrackedConnection, bytes: number, direction: Direction): void {
  for (const { traffic } of [connection.service, connection.server]) {
    traffic[direction === 'in' ? 'inpkts' : 'outpkts']++;
    traffic[direction === 'in' ? 'inbytes' : 'outbytes'] += bytes;
  }
}

/** A packet and its connection: count, rewrite, send on its way. The reference for bpf/forward.h. */
import { isLive } from './connection.ts';
import { rewriteFrame } from './nat.ts';
import type { Outcome } from './outcome.ts';
import type { Packet } from './parse.ts';
import type { Direction } from './state.ts';
import type { TrackedConnection, World } from './world.ts';

/** Whether the packets of this connection go by the host's stack. Back from it all go at once. */
export function goesByStack(world: World, connection: TrackedConnection): boolean {
  return world.byStack && connection.byStack;
}

/**
 * Sends the packet on by its connection, or leaves it, rewritten, to the stack; drops it if the connection has been driven
 * out meanwhile.
 */
export function forward(
  world: World,
  frame: Uint8Array,
  packet: Packet,
  connection: TrackedConnection,
  direction: Direction,
  byStack: boolean,
): Outcome {
  if (!isLive(world, connection)) return { action: 'DROP', frame };
  for (const { traffic } of [connection.service, connection.server]) {
    traffic[direction === 'in' ? 'inpkts' : 'outpkts']++;
    traffic[direction === 'in' ? 'inbytes' : 'outbytes'] += packet.bytes;
  }
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
  if (byStack) return { action: 'NEXT', frame: sent };
  return {
    action: 'REDIRECT',
    frame: sent,
    way: direction === 'in' ? connection.toServer : connection.toClient,
  };
}

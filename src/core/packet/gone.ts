/** Servers that are gone, which ends their connections: the reference for bpf/gone.h, which does not look at every packet. */
import { refuse } from './answer.ts';
import { changeState } from './connection.ts';
import type { Outcome } from './outcome.ts';
import { type Arrival, type Packet, TCP } from './parse.ts';
import { isOpening, nextState, RST } from './state.ts';
import type { TrackedConnection, World } from './world.ts';

/** Whether the client's packet meets a server that is gone. A client's own reset goes on: that ends the connection, too. */
export function isLeftAlone({ flags }: Packet, { server }: TrackedConnection): boolean {
  return server.gone && (flags & RST) === 0;
}

/** Whether the packet is of what a reset ends; all else may begin a connection, or is none. */
export function isToBeReset({ protocol, flags }: Packet): boolean {
  return protocol === TCP && !isOpening(flags);
}

/** Closes the connection, as a reset of its server's would, and refuses the packet. It keeps its slot for a while. */
export function hangUp(
  world: World,
  arrival: Arrival,
  packet: Packet,
  connection: TrackedConnection,
): Outcome {
  connection.lastSeen = world.surroundings.now();
  const next = nextState(connection.state, RST, 'out');
  if (next !== connection.state) changeState(world, connection, next);
  return refuse(world, arrival, packet, 'server_gone', packet.target);
}

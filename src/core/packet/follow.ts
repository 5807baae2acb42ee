/** What a packet does to its connection: the reference for bpf/follow.h. */
import { changeState } from './connection.ts';
import { goesByStack } from './forward.ts';
import { enterHalfOpen } from './half-open.ts';
import { type Packet, TCP } from './parse.ts';
import { refreshWays } from './route.ts';
import { type Direction, isHalfOpen, stateAfter } from './state.ts';
import type { TrackedConnection, World } from './world.ts';

/** Brings the connection up to date with a packet of it that came in by `ifindex`. */
export function follow(
  world: World,
  packet: Packet,
  connection: TrackedConnection,
  ifindex: number,
  direction: Direction,
): void {
  connection.lastSeen = world.surroundings.now();
  if (direction === 'out') connection.replied = true;
  if (packet.protocol === TCP) followTcp(world, packet.flags, connection, direction);
  if (!goesByStack(world, connection)) refreshWays(world, connection, ifindex, direction);
}

function followTcp(world: World, flags: number, connection: TrackedConnection, direction: Direction): void {
  const { state, replied, service } = connection;
  const next = stateAfter(state, replied, flags, direction, service.service.secure_tcp === true);
  if (next === state) return;
  changeState(world, connection, next);
  if (isHalfOpen(next) && !isHalfOpen(state)) enterHalfOpen(world, connection);
}

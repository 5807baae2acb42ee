/** The connection table: find, insert, change, end. The reference for bpf/connection.h, without its races. */
import type { Family } from '../address/address.ts';
import type { ConnectionState } from '../model/state.ts';
import { sameBytes } from './bytes.ts';
import { connectionLeaves } from './overload.ts';
import type { Packet } from './parse.ts';
import { type Direction, isActive, isHalfOpen } from './state.ts';
import type { TrackedConnection, World } from './world.ts';

/** The addresses and ports of a packet as it arrives. */
export type Flow = Pick<Packet, 'protocol' | 'source' | 'sourcePort' | 'target' | 'targetPort'>;

const keyOf = (flow: Flow | FlowOfAny): string =>
  `${flow.protocol} ${flow.source.join('.')} ${flow.sourcePort} ${flow.target.join('.')} ${flow.targetPort}`;

/** As `Flow`, of a packet that an ICMP error quotes: its protocol may be any. */
export interface FlowOfAny extends Omit<Flow, 'protocol'> {
  readonly protocol: number;
}

/** What the connection's packets look like as they arrive from the given side. */
export function flowOf(connection: TrackedConnection, direction: Direction): FlowOfAny {
  const { protocol, client, server } = connection;
  return direction === 'in'
    ? {
        protocol,
        source: client,
        sourcePort: connection.clientPort,
        target: connection.virtual,
        targetPort: connection.virtualPort,
      }
    : {
        protocol,
        source: server.address,
        sourcePort: connection.serverPort,
        target: client,
        targetPort: connection.seenPort,
      };
}

/** The connection that a packet from the given side belongs to; it may have expired. */
export function findConnection(
  world: World,
  flow: FlowOfAny,
  direction: Direction,
): TrackedConnection | undefined {
  const found = world.keys.get(keyOf(flow));
  if (found === undefined) return undefined;
  // Both directions' keys lie in one table: one side's packet may look like the other's.
  const own = flowOf(found, direction);
  const isOwn =
    own.sourcePort === flow.sourcePort &&
    own.targetPort === flow.targetPort &&
    sameBytes(own.source, flow.source) &&
    sameBytes(own.target, flow.target);
  return isOwn ? found : undefined;
}

/** Whether the connection is still in its slot; one of a single packet is none's but that packet's. */
export function isLive(world: World, connection: TrackedConnection): boolean {
  return (
    connection.isOnePacket === true || world.tables[connection.family].slots[connection.slot] === connection
  );
}

/** Whether no packet has come for longer than the state allows. */
export function isExpired(world: World, connection: TrackedConnection): boolean {
  return world.surroundings.now() - connection.lastSeen > connection.timeout;
}

/** A free slot's number, taken out of the free ones; undefined when there is none. */
export function takeSlot(world: World, family: Family): number | undefined {
  const table = world.tables[family];
  const slot = table.free.pop();
  if (slot !== undefined) table.high = Math.max(table.high, slot + 1);
  return slot;
}

/** Gives a slot back. */
export function giveSlot(world: World, family: Family, slot: number): void {
  world.tables[family].free.push(slot);
}

/** What has come of an attempt to insert. */
export type Insertion = 'inserted' | 'reply_key_taken' | 'key_taken';

/** Makes a connection known under both keys; unless it answers `inserted`, nothing has changed. */
export function insertConnection(world: World, connection: TrackedConnection): Insertion {
  const [request, reply] = [keyOf(flowOf(connection, 'in')), keyOf(flowOf(connection, 'out'))];
  if (world.keys.has(reply)) return 'reply_key_taken';
  if (world.keys.has(request) || request === reply) return 'key_taken';
  world.keys.set(request, connection);
  world.keys.set(reply, connection);
  world.tables[connection.family].slots[connection.slot] = connection;
  count(world, connection, connection.state, 1);
  return 'inserted';
}

/** Removes a connection and moves its counters. */
export function endConnection(world: World, connection: TrackedConnection): void {
  world.keys.delete(keyOf(flowOf(connection, 'in')));
  world.keys.delete(keyOf(flowOf(connection, 'out')));
  world.tables[connection.family].slots[connection.slot] = undefined;
  giveSlot(world, connection.family, connection.slot);
  count(world, connection, connection.state, -1);
  connectionLeaves(connection.server);
}

/** Moves a connection to a state, with the time-out that its service has for that state now. */
export function changeState(world: World, connection: TrackedConnection, state: ConnectionState): void {
  count(world, connection, connection.state, -1);
  count(world, connection, state, 1);
  connection.state = state;
  connection.timeout = connection.service.timeouts[state];
}

function count(world: World, { server }: TrackedConnection, state: ConnectionState, by: number): void {
  if (isActive(state)) server.active += by;
  else server.inactive += by;
  if (isHalfOpen(state)) world.halfOpen += by;
}

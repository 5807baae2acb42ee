/** Fragments share the fate of their datagram's first, which alone has ports: the reference for bpf/fragment.h. */
import { sameBytes } from './bytes.ts';
import { isExpired, isLive } from './connection.ts';
import type { Fate, FragmentWay } from './fragment-table.ts';
import { type LEAVING, reopenOnePacket } from './one-packet.ts';
import { drop, type Outcome, pass } from './outcome.ts';
import type { Arrival, Datagram, Packet } from './parse.ts';
import type { Direction } from './state.ts';
import type { TrackedConnection, World } from './world.ts';

/** Fragments of a datagram that may wait for its first. */
const HELD_MOST = 64;
/** Bytes of a frame that may wait. */
const HELD_BYTES = 2040;

/** Where a later fragment goes. */
export type Followed = NonNullable<Outcome['by']>;

const wayFrom = (direction: Direction): FragmentWay => (direction === 'in' ? 'from_public' : 'from_private');

const isRecent = (world: World, since: number): boolean =>
  world.surroundings.now() - since <= world.fragmentTime;

function fateOf(world: World, datagram: Datagram, way: FragmentWay): Fate<TrackedConnection> | undefined {
  const fate = world.fragments.get(datagram, way);
  return fate !== undefined && isRecent(world, fate.since) ? fate : undefined;
}

/** Keeps a fragment that has come before its first. */
function hold(world: World, { frame }: Arrival, packet: Packet, direction: Direction): Outcome {
  const way = wayFrom(direction);
  if (frame.length > HELD_BYTES) return drop(world, 'fragment_dropped', frame);
  const since = world.surroundings.now();
  const known = fateOf(world, packet, way);
  const fate = known?.fate === 'waits' ? known : { fate: 'waits' as const, since, count: 0, held: [] };
  if (fate !== known) world.fragments.set(packet, way, fate);
  if (fate.count++ >= HELD_MOST) return drop(world, 'fragment_dropped', frame);
  world.fragments.hold(fate, { since, frame: frame.slice() });
  return drop(world, 'fragment_held', frame);
}

/** Whether the packet, as it comes from the given side, has the connection's addresses. */
function hasAddressesOf(packet: Datagram, connection: TrackedConnection, direction: Direction): boolean {
  const { client, virtual, server, protocol } = connection;
  const [source, target] = direction === 'in' ? [client, virtual] : [server.address, client];
  return packet.protocol === protocol && sameBytes(packet.source, source) && sameBytes(packet.target, target);
}

/** A later fragment: where to follow its first to, or what becomes of it. */
export function shareFate(
  world: World,
  arrival: Arrival,
  packet: Packet,
  direction: Direction,
): Followed | Outcome {
  const fate = fateOf(world, packet, wayFrom(direction));
  switch (fate?.fate) {
    case undefined:
    case 'waits':
      return hold(world, arrival, packet, direction);
    case 'passes':
      return pass(world, 'fragment', arrival.frame);
    case 'follows': {
      const { connection, cut } = fate;
      if (connection.isOnePacket) {
        const own = reopenOnePacket(world, packet, connection, arrival.ifindex, direction);
        if (own !== undefined) return { connection: own, cut };
        break;
      }
      const isThere = isLive(world, connection) && hasAddressesOf(packet, connection, direction);
      if (isThere && !isExpired(world, connection)) return fate;
      break;
    }
    case 'falls':
  }
  return drop(world, 'fragment_dropped', arrival.frame);
}

/** Tells where to follow to from what becomes of it. */
export function isFollowed(shared: Followed | Outcome): shared is Followed {
  return 'connection' in shared;
}

/** If fragments wait for this first one, it and they arrive anew, in order. */
export function release(
  world: World,
  { frame }: Arrival,
  first: Datagram,
  direction: Direction,
): Outcome | undefined {
  const way = wayFrom(direction);
  const fate = fateOf(world, first, way);
  if (fate?.fate !== 'waits') return undefined;
  world.fragments.delete(first, way);
  const held = fate.held.filter(({ since }) => isRecent(world, since)).map((one) => one.frame);
  const again = [frame, ...held];
  return { action: 'DROP', frame: again.at(-1)!, again };
}

/** Keeps what has become of a first fragment; if it was forwarded, also for errors that quote what has left. */
export function keepFate(world: World, first: Datagram, direction: Direction, { action, by }: Outcome): void {
  const { fragments, surroundings } = world;
  const since = surroundings.now();
  if (by === undefined) {
    fragments.set(first, wayFrom(direction), { fate: action === 'NEXT' ? 'passes' : 'falls', since });
    return;
  }
  const fate = { fate: 'follows', since, ...by } as const;
  fragments.set(first, wayFrom(direction), fate);
  const { connection } = by;
  if (direction === 'in') fragments.set({ ...first, target: connection.server.address }, 'to_private', fate);
  else fragments.set({ ...first, source: connection.virtual }, 'to_public', fate);
}

/** The connection of a later fragment that an error quotes, which comes from the side that the fragment left by. */
export function findQuoted(
  world: World,
  quoted: Datagram,
  direction: Direction,
  from: number | typeof LEAVING,
): TrackedConnection | undefined {
  const fate = fateOf(world, quoted, direction === 'out' ? 'to_private' : 'to_public');
  if (fate?.fate !== 'follows' || !isLive(world, fate.connection)) return undefined;
  const answer = { ...quoted, source: quoted.target, target: quoted.source };
  if (fate.connection.isOnePacket) return reopenOnePacket(world, answer, fate.connection, from, direction);
  return hasAddressesOf(answer, fate.connection, direction) ? fate.connection : undefined;
}

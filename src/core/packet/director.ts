/** The packet's path, in the order of bpf/director.bpf.c. */
import type { Family } from '../address/address.ts';
import type { Side } from '../model/host.ts';
import { refuse } from './answer.ts';
import { read16, sameBytes } from './bytes.ts';
import { endConnection, findConnection, isExpired } from './connection.ts';
import { follow } from './follow.ts';
import { forward, goesByStack } from './forward.ts';
import { isFollowed, keepFate, release, shareFate } from './fragment.ts';
import { hangUp, isLeftAlone, isToBeReset } from './gone.ts';
import { translateError } from './icmp.ts';
import { connectionOfAnswer, LEAVING } from './one-packet.ts';
import { isOpened, open } from './open.ts';
import { drop, type Outcome, pass } from './outcome.ts';
import {
  type Arrival,
  type Datagram,
  ICMP,
  ICMPV6,
  isPacket,
  type Packet,
  parse,
  type Refusal,
  TCP,
} from './parse.ts';
import { type Direction, isOpening } from './state.ts';
import type { TrackedConnection, World } from './world.ts';

const FAMILIES: Readonly<Record<number, Family>> = { 2048: 4, 34525: 6 };

/**
 * What becomes of a frame of at least 14 bytes that an interface with the MAC address `mac` takes in on this side. The
 * frame given is left as it is.
 */
export function receive(world: World, side: Side, arrival: Arrival, mac: Uint8Array): Outcome {
  const { frame } = arrival;
  const family = FAMILIES[read16(frame, 12)];
  if (family === undefined || !sameBytes(frame.subarray(0, 6), mac)) return { action: 'NEXT', frame };
  const direction = side === 'public' ? 'in' : 'out';
  const packet = parse(arrival, family);
  const first = isPacket(packet) ? (packet.part === 'first' ? packet : undefined) : packet.first;
  if (first !== undefined) return firstFragment(world, arrival, packet, first, direction);
  if (!isPacket(packet))
    return translate(world, arrival, packet, direction, false, family) ?? pass(world, packet.why, frame);
  if (packet.part === 'later') return laterFragment(world, arrival, packet, direction);
  return direction === 'in' ? request(world, arrival, packet) : reply(world, arrival, packet);
}

/** Goes as a whole packet would, and has its way kept for the fragments that follow. */
function firstFragment(
  world: World,
  arrival: Arrival,
  packet: Packet | Refusal,
  first: Datagram,
  direction: Direction,
): Outcome {
  const released = release(world, arrival, first, direction);
  if (released !== undefined) return released;
  const carried = direction === 'in' ? request : reply;
  const outcome = isPacket(packet) ? carried(world, arrival, packet) : pass(world, packet.why, arrival.frame);
  keepFate(world, first, direction, outcome);
  return outcome;
}

/** Goes where the first fragment went. */
function laterFragment(world: World, arrival: Arrival, packet: Packet, direction: Direction): Outcome {
  const shared = shareFate(world, arrival, packet, direction);
  return isFollowed(shared)
    ? carry(world, arrival, packet, shared.connection, direction, shared.cut)
    : shared;
}

/** What is neither TCP nor UDP: sends on an ICMP error about a connection of ours; undefined if it is none. */
function translate(
  world: World,
  arrival: Arrival,
  { protocol }: Refusal,
  direction: Direction,
  atEgress: boolean,
  family: Family,
): Outcome | undefined {
  const isIcmp = protocol === (family === 4 ? ICMP : ICMPV6);
  return isIcmp ? translateError(world, arrival, direction, family, atEgress) : undefined;
}

/** Ended, and its addresses and ports are wanted for a new connection, which may go to another server. */
function isReused(packet: Packet, { state }: TrackedConnection): boolean {
  const { protocol, flags, ttl } = packet;
  return protocol === TCP && isOpening(flags) && ttl > 1 && (state === 'TIME_WAIT' || state === 'CLOSE');
}

/** Why a connection takes no more of this packet of its client's; undefined if it does. */
function whyOver(
  world: World,
  packet: Packet,
  found: TrackedConnection,
): 'reused' | 'expired' | 'server_gone' | undefined {
  if (isReused(packet, found)) return 'reused';
  if (isExpired(world, found)) return 'expired';
  return isLeftAlone(packet, found) ? 'server_gone' : undefined;
}

function request(world: World, arrival: Arrival, packet: Packet): Outcome {
  const found = findConnection(world, packet, 'in');
  if (found !== undefined) {
    const over = whyOver(world, packet, found);
    if (over === undefined) return carry(world, arrival, packet, found, 'in');
    if (over === 'server_gone' && isToBeReset(packet)) return hangUp(world, arrival, packet, found);
    endConnection(world, found);
    world.verdicts[over]++;
  }
  const opened = open(world, arrival, packet);
  return isOpened(opened)
    ? forward(world, arrival, packet, opened, 'in', goesByStack(world, opened))
    : opened;
}

function reply(world: World, arrival: Arrival, packet: Packet): Outcome {
  const found = connectionOfAnswer(world, packet, arrival.ifindex);
  if (found === undefined) return pass(world, 'not_ours', arrival.frame);
  // It is met again, and followed, where it leaves.
  if (goesByStack(world, found)) return { action: 'NEXT', frame: arrival.frame };
  if (isExpired(world, found)) return dropExpired(world, found, arrival.frame);
  return carry(world, arrival, packet, found, 'out');
}

/** A server's packet of a connection whose time-out has passed: the connection goes, and the packet with it. */
function dropExpired(world: World, connection: TrackedConnection, frame: Uint8Array): Outcome {
  endConnection(world, connection);
  return drop(world, 'expired', frame);
}

function carry(
  world: World,
  arrival: Arrival,
  packet: Packet,
  connection: TrackedConnection,
  direction: Direction,
  cut = false,
): Outcome {
  const from = direction === 'in' ? packet.target : connection.virtual;
  if (packet.ttl <= 1) return refuse(world, arrival, packet, 'ttl_exceeded', from);
  follow(world, packet, connection, arrival.ifindex, direction);
  // What goes out by the private side is not the stack's: `reply` has seen to that.
  const byStack = direction === 'in' && goesByStack(world, connection);
  return forward(world, arrival, packet, connection, direction, byStack, cut);
}

/**
 * What becomes of a frame of at least 14 bytes that leaves by a public interface, where packets go by the stack: a reply
 * that came by it is rewritten, everything else goes on as it is and is not even counted.
 */
export function leave(world: World, arrival: Arrival): Outcome {
  const { frame, ifindex } = arrival;
  const family = FAMILIES[read16(frame, 12)];
  const untouched: Outcome = { action: 'NEXT', frame };
  if (family === undefined) return untouched;
  const packet = parse(arrival, family);
  const isFragment = isPacket(packet) ? packet.part !== 'whole' : packet.first !== undefined;
  if (isFragment) return untouched;
  if (!isPacket(packet)) {
    return translate(world, arrival, packet, 'out', true, family) ?? untouched;
  }
  const found = connectionOfAnswer(world, packet, LEAVING);
  if (found === undefined || !found.byStack) return untouched;
  if (isExpired(world, found)) return dropExpired(world, found, frame);
  follow(world, packet, found, ifindex, 'out');
  return forward(world, arrival, packet, found, 'out', true);
}

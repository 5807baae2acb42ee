/** Half-open connections in a queue, so that a SYN flood drives out its own: the reference for bpf/half_open.h. */
import type { Family } from '../address/address.ts';
import { endConnection, isLive } from './connection.ts';
import { isHalfOpen } from './state.ts';
import type { HalfOpenQueue, TrackedConnection, World } from './world.ts';

/** Entries looked at for one that can go. */
const TRIES = 16;
/** Entries that nobody minds, however few connections are half-open. */
const SLACK = 64;

const isWaiting = (world: World, entry: TrackedConnection | undefined): entry is TrackedConnection =>
  entry !== undefined && isLive(world, entry) && isHalfOpen(entry.state);

/** Puts the connection at the end, and there too what had stood in its way and is half-open still. */
function push(world: World, connection: TrackedConnection): void {
  const queue = world.halfOpenQueue;
  let entry: TrackedConnection | undefined = connection;
  for (let i = 0; i < TRIES; i++) {
    const position = queue.tail++;
    const at = position % queue.places.length;
    const before: TrackedConnection | undefined = queue.places[at];
    queue.places[at] = entry;
    if (position - queue.head < queue.places.length || !isWaiting(world, before)) return;
    entry = before;
  }
}

/** Where the oldest entry stands: before it everything has been taken or overwritten. */
const oldest = ({ head, tail, places }: HalfOpenQueue): number => Math.max(head, tail - places.length);

/** Ends the oldest half-open connection, of one family if that is given; false if it met none. */
export function evictHalfOpen(world: World, family?: Family): boolean {
  const queue = world.halfOpenQueue;
  for (let i = 0; i < TRIES; i++) {
    const at = oldest(queue);
    if (at === queue.tail) return false;
    queue.head = at + 1;
    const entry = queue.places[at % queue.places.length];
    queue.places[at % queue.places.length] = undefined;
    if (!isWaiting(world, entry)) continue;
    if (family !== undefined && entry.family !== family) {
      push(world, entry);
      continue;
    }
    endConnection(world, entry);
    world.verdicts.half_open_evicted++;
    return true;
  }
  return false;
}

/** Passes entries at the head that have moved on, two for each that comes, once they are many. */
function trim(world: World): void {
  const queue = world.halfOpenQueue;
  const enough = Math.min(4 * world.halfOpen + SLACK, world.halfOpenLimit);
  for (let i = 0; i < 2 && queue.tail - queue.head > enough; i++) {
    const at = oldest(queue);
    if (isWaiting(world, queue.places[at % queue.places.length])) return;
    queue.head = at + 1;
  }
}

/** Queues a connection that has just become half-open; the oldest goes if they are too many. */
export function enterHalfOpen(world: World, connection: TrackedConnection): void {
  trim(world);
  push(world, connection);
  if (world.halfOpen > world.halfOpenLimit) evictHalfOpen(world);
}

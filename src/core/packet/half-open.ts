/** Half-open connections in a queue, so that a SYN flood drives out its own: the reference for bpf/half_open.h. */
import type { Family } from '../address/address.ts';
import { endConnection, isLive } from './connection.ts';
import { isHalfOpen } from './state.ts';
import type { TrackedConnection, World } from './world.ts';

/** Entries looked at for one that can go. */
const TRIES = 16;

const isWaiting = (world: World, entry: TrackedConnection): boolean =>
  isLive(world, entry) && isHalfOpen(entry.state);

/** Ends the oldest half-open connection, of one family if that is given; false if it met none. */
export function evictHalfOpen(world: World, family?: Family): boolean {
  const queue = world.halfOpenQueue;
  for (let i = 0; i < TRIES; i++) {
    const entry = queue.shift();
    if (entry === undefined) return false;
    if (!isWaiting(world, entry)) continue;
    if (family !== undefined && entry.family !== family) {
      queue.push(entry);
      continue;
    }
    endConnection(world, entry);
    world.verdicts.half_open_evicted++;
    return true;
  }
  return false;
}

/** Queues a connection that has just become half-open; the oldest goes if they are too many. */
export function enterHalfOpen(world: World, connection: TrackedConnection): void {
  const queue = world.halfOpenQueue;
  // Those at the head that have moved on are thrown away, two for each that comes.
  for (let i = 0; i < 2 && queue.length > 0 && !isWaiting(world, queue[0]!); i++) queue.shift();
  const push = (one: TrackedConnection): boolean =>
    queue.length < world.halfOpenPlaces && queue.push(one) > 0;
  let entry = connection;
  for (let i = 0; i < TRIES && !push(entry); i++) {
    // Full of those that have moved on, behind one that is slow: that one goes to the end.
    const oldest = queue.shift()!;
    if (!isWaiting(world, oldest)) continue;
    push(entry);
    entry = oldest;
  }
  if (world.halfOpen > world.halfOpenLimit) evictHalfOpen(world);
}

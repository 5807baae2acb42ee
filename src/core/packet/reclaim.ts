/** A full table makes room by itself: the reference for bpf/reclaim.h. */
import type { Family } from '../address/address.ts';
import { takeSlot } from './connection.ts';
import { evictHalfOpen } from './half-open.ts';
import { TCP } from './parse.ts';
import { isExpendable } from './state.ts';
import { endSlot, isOver } from './template.ts';
import type { Template, TrackedConnection, World } from './world.ts';

/** Slots looked at for one new connection. */
const WINDOW = 32;

/** Ends one expired or expendable connection among a window of slots from a random place on. */
function reclaimWindow(world: World, family: Family): boolean {
  const { slots, high } = world.tables[family];
  if (high === 0) return false;
  const from = world.surroundings.random() % high;
  let spare: TrackedConnection | Template | undefined;
  for (let i = 0; i < WINDOW; i++) {
    const at = from + i < high ? from + i : from + i - high;
    const connection = slots[at];
    if (connection === undefined) continue;
    if (isOver(world, connection)) {
      endSlot(world, connection);
      world.verdicts.expired++;
      return true;
    }
    if (isExpendable(connection.state, connection.replied)) spare ??= connection;
  }
  if (spare === undefined) return false;
  endSlot(world, spare);
  world.verdicts.reclaimed++;
  return true;
}

/** A free slot, if need be one that somebody else had to leave; undefined when nobody could. */
export function obtainSlot(world: World, family: Family, protocol: number): number | undefined {
  const slot = takeSlot(world, family);
  if (slot !== undefined) return slot;
  const hasRoom = reclaimWindow(world, family) || (protocol === TCP && evictHalfOpen(world, family));
  return hasRoom ? takeSlot(world, family) : undefined;
}

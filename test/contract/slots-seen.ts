/** Which slots have changed since they were last compared: describing them all after every packet would be most of a run. */
import type { Family } from '../../src/core/address/address.ts';
import { isTemplate } from '../../src/core/packet/template.ts';
import type { ConnectionTable } from '../../src/core/packet/world.ts';
import { LAYOUTS } from '../../src/dataplane/bpf/contract.generated.ts';
import type { Tables } from '../../src/dataplane/bpf/tables.ts';
import { connectionsOf } from './kernel.ts';

/** 32-bit words of a slot's head that say when it was last seen, which the two tell by clocks of their own. */
const LAST_SEEN = LAYOUTS.weir_connection.fields.last_seen / 4;

type Occupant = ConnectionTable['slots'][number];

/** Remembers what was compared last, of one family. */
export interface SlotsSeen {
  /** Numbers of the slots below `high` that differ from when this was asked before, on either side. */
  changed(high: number): number[];
}

/** All that can change about an occupant; the rest of it is as long as it is there. */
function mutableParts(one: Occupant): readonly unknown[] {
  if (one === undefined) return [];
  if (isTemplate(one)) return [one, one.replied];
  return [one, one.state, one.timeout, one.seenPort, one.replied, one.routeEpoch, one.toServer, one.toClient];
}

/** Nothing has been compared yet. */
export function openSlotsSeen(tables: Tables, table: ConnectionTable, family: Family): SlotsSeen {
  const map = connectionsOf(tables, family);
  const stride = map.codec.size / 4;
  const seen = new Uint32Array(map.size * stride);
  const parts: (readonly unknown[])[] = [];
  const kernelHasChanged = (now: Uint32Array, slot: number): boolean => {
    let changed = parts[slot] === undefined;
    for (let word = 0, at = slot * stride; word < stride; word++, at++)
      if (now[at] !== seen[at] && word !== LAST_SEEN) changed = true;
    return changed;
  };
  const referenceHasChanged = (slot: number): boolean => {
    const now = mutableParts(table.slots[slot]);
    const before = parts[slot];
    if (before?.length === now.length && now.every((part, i) => part === before[i])) return false;
    parts[slot] = now;
    return true;
  };
  return {
    changed(high) {
      const changed: number[] = [];
      for (const { first, count, view } of map.chunks(0, high)) {
        const now = new Uint32Array(view.buffer, view.byteOffset, count * stride);
        if (first !== 0) throw new RangeError('more slots than are read at once');
        for (let slot = 0; slot < count; slot++) {
          const kernel = kernelHasChanged(now, slot);
          if (referenceHasChanged(slot) || kernel) changed.push(slot);
        }
        seen.set(now);
      }
      return changed;
    },
  };
}

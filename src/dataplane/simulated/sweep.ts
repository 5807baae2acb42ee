/** The sweep of the simulated plane: as the kernel's, a slice at a time, with the same audit at the end of a pass. */
import type { Family } from '../../core/address/address.ts';
import type { ServerRecord } from '../../core/packet/service.ts';
import { isActive } from '../../core/packet/state.ts';
import { endSlot, holdTemplate, isMember, isOver, isTemplate } from '../../core/packet/template.ts';
import type { Template, TrackedConnection, World } from '../../core/packet/world.ts';
import type { SweepReport } from '../port.ts';

/** Slots a slice. */
const SLICE = 16_384;

/** Where a pass stands between two slices. */
export interface SweepPlace {
  family: Family;
  from: number;
}

/** Expires what lies in the next slice; `servers` are those to audit at the end of a pass. */
export function sweepSlice(world: World, place: SweepPlace, servers: readonly ServerRecord[]): SweepReport {
  const { slots, high } = world.tables[place.family];
  const to = Math.min(high, place.from + SLICE);
  const walked = to - place.from;
  let expired = 0;
  for (const one of slots.slice(place.from, to))
    if (one !== undefined && !stays(world, one)) {
      endSlot(world, one);
      expired++;
    }
  const completed = to >= high && place.family === 6;
  place.from = to >= high ? 0 : to;
  if (to >= high) place.family = place.family === 4 ? 6 : 4;
  const differences = completed ? audit(world, servers) : [];
  return { walked, expired, completed, differences };
}

/**
 * Whether the sweep leaves it; a connection then holds its template. A template to a server that has left is of no use,
 * nor is any where no connections are taken any more.
 */
function stays(world: World, one: TrackedConnection | Template): boolean {
  if (isOver(world, one)) return false;
  if (isTemplate(one)) return world.takesNew && isMember(world, one);
  holdTemplate(world, one);
  return true;
}

/** Holds the servers' counters against a walk of the tables. */
function audit(world: World, servers: readonly ServerRecord[]): string[] {
  const walked = new Map(servers.map((server) => [server, { active: 0, inactive: 0, templates: 0 }]));
  for (const family of [4, 6] as const)
    for (const connection of world.tables[family].slots) {
      const counts = connection && walked.get(connection.server);
      if (counts) counts[counterOf(connection)]++;
    }
  return [...walked].flatMap(([{ active, inactive, templates, endpoint }, found]) =>
    active === found.active && inactive === found.inactive && templates === found.templates
      ? []
      : [
          `server ${endpoint.address} port ${endpoint.port}: counted ${active} active, ${inactive} inactive, ${templates} templates; a walk found ${found.active}, ${found.inactive} and ${found.templates}`,
        ],
  );
}

function counterOf({ state }: TrackedConnection | Template): 'active' | 'inactive' | 'templates' {
  if (state === 'TEMPLATE') return 'templates';
  return isActive(state) ? 'active' : 'inactive';
}

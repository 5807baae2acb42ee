/** The sweep of the simulated plane: as the kernel's, a slice at a time, with the same audit at the end of a pass. */
import type { Family } from '../../core/address/address.ts';
import { endConnection, isExpired } from '../../core/packet/connection.ts';
import type { ServerRecord } from '../../core/packet/service.ts';
import { isActive } from '../../core/packet/state.ts';
import type { World } from '../../core/packet/world.ts';
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
  const expired = slots
    .slice(place.from, to)
    .filter((connection) => connection !== undefined && isExpired(world, connection));
  for (const connection of expired) endConnection(world, connection!);
  const completed = to >= high && place.family === 6;
  place.from = to >= high ? 0 : to;
  if (to >= high) place.family = place.family === 4 ? 6 : 4;
  const differences = completed ? audit(world, servers) : [];
  return { walked, expired: expired.length, completed, differences };
}

/** Holds the servers' counters against a walk of the tables. */
function audit(world: World, servers: readonly ServerRecord[]): string[] {
  const walked = new Map(servers.map((server) => [server, { active: 0, inactive: 0 }]));
  for (const family of [4, 6] as const)
    for (const connection of world.tables[family].slots) {
      const counts = connection && walked.get(connection.server);
      if (counts) counts[isActive(connection.state) ? 'active' : 'inactive']++;
    }
  return [...walked].flatMap(([{ active, inactive, endpoint }, found]) =>
    active === found.active && inactive === found.inactive
      ? []
      : [
          `server ${endpoint.address} port ${endpoint.port}: counted ${active} active, ${inactive} inactive; a walk found ${found.active} and ${found.inactive}`,
        ],
  );
}

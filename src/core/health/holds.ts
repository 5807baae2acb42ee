/**
 * Which servers flap damping keeps out of their services. It never takes the last ones: as long as a service would be without
 * a server, without its quorum or in panic because of them, all who are held get their weights.
 */
import { formatEndpoint } from '../address/address.ts';
import type { FlapRule } from '../model/check.ts';
import { type ServiceKey, serviceKey, type VirtualService } from '../model/service.ts';
import { effectiveWeight, type Factor } from '../weight/effective.ts';
import { factorsOf, type Known } from '../weight/weigh.ts';
import { type FlapState, type Holds, holdText } from './flap.ts';
import { panics } from './panic.ts';
import { quorumMet } from './quorum.ts';
import { healthOf } from './servers.ts';

/** The servers that are held, by service and endpoint in text; others are absent. */
export type Flapping = ReadonlyMap<ServiceKey, ReadonlyMap<string, FlapState>>;

/** What is known besides. */
export type BesideHolds = Omit<Known, 'holds'>;

/** What becomes of these services' servers that are held. */
export function holdsOf(
  services: readonly VirtualService[],
  flapping: Flapping,
  known: BesideHolds,
  now: number,
): Holds {
  const holds = new Map<ServiceKey, ReadonlyMap<string, Factor>>();
  if (flapping.size === 0) return holds;
  for (const service of services) {
    const key = serviceKey(service);
    const rule = known.watch.services.get(key)?.flap_damping;
    const held = flapping.get(key);
    if (rule === undefined || held === undefined || held.size === 0) continue;
    const needed = whyNeeded(service, holdAll(held, rule, now), known);
    holds.set(key, holdAll(held, rule, now, needed));
  }
  return holds;
}

/** The same for each. */
function holdAll(
  held: ReadonlyMap<string, FlapState>,
  rule: FlapRule,
  now: number,
  needed?: string,
): ReadonlyMap<string, Factor> {
  const value = needed === undefined ? 0 : 1;
  const factor = (state: FlapState): Factor => ({
    name: 'flap',
    value,
    reason: holdText(state, rule, now, needed),
  });
  return new Map([...held].map(([server, state]) => [server, factor(state)]));
}

/** Why a service cannot do without those that are held; undefined if it can. */
function whyNeeded(
  service: VirtualService,
  held: ReadonlyMap<string, Factor>,
  known: BesideHolds,
): string | undefined {
  const key = serviceKey(service);
  const watched = known.watch.services.get(key);
  const without: Known = { ...known, holds: new Map([[key, held]]) };
  const serving = service.servers.some(
    (server) => effectiveWeight(server.weight, factorsOf(service, server, without)) > 0,
  );
  if (!serving) return 'no other server is there';
  const out = service.servers.filter((server) => {
    const name = formatEndpoint(server);
    const own = watched?.servers.get(name);
    return held.has(name) && own !== undefined && healthOf(own, known.states).verdict === 'up';
  });
  const quorum = known.quorums.get(key);
  const weight = out.reduce((sum, server) => sum + server.weight, 0);
  if (quorum !== undefined && watched?.quorum !== undefined) {
    if (!quorumMet(quorum.weight - weight, watched.quorum, quorum.met))
      return 'without it the quorum would be lost';
  }
  const panic = known.panics.get(key);
  if (panic === undefined || watched?.panic_threshold === undefined) return undefined;
  const overrides = known.overrides.get(key);
  const counting = out.filter((server) => server.weight > 0 && !overrides?.has(formatEndpoint(server)));
  const failed = panic.failed + counting.length;
  return panics({ failed, of: panic.of }, watched.panic_threshold, panic.on)
    ? 'without it too few would be left'
    : undefined;
}

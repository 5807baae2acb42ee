/** A service as configured → the service as it is to be published: servers that are down leave it, or weigh nothing. */
import { formatEndpoint } from '../address/address.ts';
import { feedbackFactor } from '../health/feedback.ts';
import type { Holds } from '../health/flap.ts';
import { type Panics, panicText } from '../health/panic.ts';
import type { Quorums } from '../health/quorum.ts';
import { type CheckStates, healthOf, type Watch } from '../health/servers.ts';
import { type Override, type Overrides, overrideText } from '../model/override.ts';
import {
  type RealServer,
  type ServiceKey,
  type ServiceName,
  serviceKey,
  type VirtualService,
} from '../model/service.ts';
import { effectiveWeight, type Factor } from './effective.ts';

/** Makes a configured service what is to be published of it; the same object when nothing speaks against that. */
export type Weigh = (service: VirtualService) => VirtualService;

/** All that weights depend on. */
export interface Known {
  readonly watch: Watch;
  readonly states: CheckStates;
  readonly quorums: Quorums;
  readonly panics: Panics;
  readonly overrides: Overrides;
  /** Of servers that flap. */
  readonly holds: Holds;
  /** Factors of servers that are starting, by service and endpoint. */
  readonly starting: ReadonlyMap<ServiceKey, ReadonlyMap<string, Factor>>;
}

/** What weights need to know of a service. */
export type WeighedService = ServiceName & Pick<VirtualService, 'sorry_server'>;

/** What a server's weight depends on; none for a server without checks of which nobody has said anything. */
export function factorsOf(service: WeighedService, server: RealServer, known: Known): readonly Factor[] {
  const key = serviceKey(service);
  const watched = known.watch.services.get(key);
  const factors: Factor[] = [];
  const override = known.overrides.get(key)?.get(formatEndpoint(server));
  if (override !== undefined) factors.push({ name: 'admin', value: 0, reason: overrideText(override) });
  const starting = known.starting.get(key)?.get(formatEndpoint(server));
  if (starting !== undefined) factors.push(starting);
  if (watched === undefined) return factors;
  const own = watched.servers.get(formatEndpoint(server));
  const panic = known.panics.get(key);
  if (own !== undefined) {
    const { verdict, reason } = healthOf(own, known.states);
    if (verdict === 'down' && panic?.on) factors.push({ name: 'health', value: 1, reason: panicText(panic) });
    else factors.push({ name: 'health', value: verdict === 'up' ? 1 : 0, reason });
    const hold = known.holds.get(key)?.get(formatEndpoint(server));
    if (hold !== undefined) factors.push(hold);
  }
  // A quorum rests on the same checks, and so does feedback.
  if (panic?.on) return factors;
  const feedback = own && feedbackFactor(own, known.states);
  if (feedback !== undefined) factors.push(feedback);
  const quorum = known.quorums.get(key);
  // Without a sorry server the servers that are left are better than nobody; keepalived leaves them, too.
  if (quorum?.met === false && service.sorry_server !== undefined) {
    const reason = `weight ${quorum.weight} is up, and the quorum is ${watched.quorum?.quorum}`;
    factors.push({ name: 'quorum', value: 0, reason });
  }
  return factors;
}

/** Factors that take a server out of its service, where that is asked for, and do not leave it there with weight 0. */
const REMOVING: readonly Factor['name'][] = ['health', 'flap', 'quorum'];

/** Down by its checks, which somebody may have drained or disabled besides; or its drain has come to its deadline. */
const isGone = (factors: readonly Factor[], override: Override | undefined): boolean =>
  override?.overdue === true || factors.some(({ name, value }) => name === 'health' && value === 0);

const isDisabled = (override: Override | undefined): boolean => override?.state === 'down';

/** Weighs services by what is known. */
export function weighBy(known: Known): Weigh {
  return (service) => {
    const key = serviceKey(service);
    const watched = known.watch.services.get(key);
    const overrides = known.overrides.get(key);
    if (watched === undefined && overrides === undefined && !known.starting.has(key)) return service;
    let same = true;
    const gone: RealServer[] = [];
    const servers = service.servers.flatMap((server) => {
      const factors = factorsOf(service, server, known);
      if (isGone(factors, overrides?.get(formatEndpoint(server)))) gone.push(server);
      const failed = factors.some(({ name, value }) => value === 0 && REMOVING.includes(name));
      const removed =
        isDisabled(overrides?.get(formatEndpoint(server))) || (failed && watched?.on_failure === 'remove');
      const weight = effectiveWeight(server.weight, factors);
      if (removed) {
        same = false;
        return [];
      }
      if (weight === server.weight) return [server];
      same = false;
      return [{ ...server, weight }];
    });
    if (service.on_down !== 'reset' || gone.length === 0) return same ? service : { ...service, servers };
    return { ...service, servers, gone: gone.map(({ address, port }) => ({ address, port })) };
  };
}

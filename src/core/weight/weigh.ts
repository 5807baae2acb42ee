/** A service as configured → the service as it is to be published: servers that are down leave it, or weigh nothing. */
import { formatEndpoint } from '../address/address.ts';
import type { Quorums } from '../health/quorum.ts';
import { type CheckStates, healthOf, type Watch } from '../health/servers.ts';
import { type RealServer, serviceKey, type VirtualService } from '../model/service.ts';
import { effectiveWeight, type Factor } from './effective.ts';

/** Makes a configured service what is to be published of it; the same object when nothing speaks against that. */
export type Weigh = (service: VirtualService) => VirtualService;

/** All that weights depend on. */
export interface Known {
  readonly watch: Watch;
  readonly states: CheckStates;
  readonly quorums: Quorums;
}

export type WeighedService = Pick<VirtualService, 'protocol' | 'address' | 'port' | 'sorry_server'>;

/** What a server's weight depends on; none for a server without checks. */
export function factorsOf(service: WeighedService, server: RealServer, known: Known): readonly Factor[] {
  const key = serviceKey(service);
  const watched = known.watch.services.get(key);
  if (watched === undefined) return [];
  const factors: Factor[] = [];
  const own = watched.servers.get(formatEndpoint(server));
  if (own !== undefined) {
    const { verdict, reason } = healthOf(own, known.states);
    factors.push({ name: 'health', value: verdict === 'up' ? 1 : 0, reason });
  }
  const quorum = known.quorums.get(key);
  // Without a sorry server the servers that are left are better than nobody; keepalived leaves them, too.
  if (quorum?.met === false && service.sorry_server !== undefined) {
    const reason = `weight ${quorum.weight} is up, and the quorum is ${watched.quorum?.quorum}`;
    factors.push({ name: 'quorum', value: 0, reason });
  }
  return factors;
}

/** Factors that take a server out of its service, where that is asked for, and do not leave it there with weight 0. */
const REMOVING: readonly Factor['name'][] = ['health', 'quorum'];

/** Weighs services by what is known. */
export function weighBy(known: Known): Weigh {
  return (service) => {
    const watched = known.watch.services.get(serviceKey(service));
    if (watched === undefined) return service;
    let same = true;
    const servers = service.servers.flatMap((server) => {
      const factors = factorsOf(service, server, known);
      const removed = factors.some(({ name, value }) => value === 0 && REMOVING.includes(name));
      const weight = effectiveWeight(server.weight, factors);
      if (removed && watched.on_failure === 'remove') {
        same = false;
        return [];
      }
      if (weight === server.weight) return [server];
      same = false;
      return [{ ...server, weight }];
    });
    return same ? service : { ...service, servers };
  };
}

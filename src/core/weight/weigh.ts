/** A service as configured → the service as it is to be published: servers that are down leave it, or weigh nothing. */
import { formatEndpoint } from '../address/address.ts';
import { type CheckStates, healthOf, type Watch, type WatchedService } from '../health/servers.ts';
import { type RealServer, serviceKey, type VirtualService } from '../model/service.ts';
import { effectiveWeight, type Factor } from './effective.ts';

/** Makes a configured service what is to be published of it; the same object when nothing speaks against that. */
export type Weigh = (service: VirtualService) => VirtualService;

/** What a server's weight depends on; none for a server without checks. */
export function factorsOf(
  service: WatchedService | undefined,
  server: RealServer,
  states: CheckStates,
): readonly Factor[] {
  const watched = service?.servers.get(formatEndpoint(server));
  if (watched === undefined) return [];
  const { verdict, reason } = healthOf(watched, states);
  return [{ name: 'health', value: verdict === 'up' ? 1 : 0, reason }];
}

/** Weighs services by what the checks say. */
export function weighBy(watch: Watch, states: CheckStates): Weigh {
  return (service) => {
    const watched = watch.services.get(serviceKey(service));
    if (watched === undefined) return service;
    let same = true;
    const servers = service.servers.flatMap((server) => {
      const factors = factorsOf(watched, server, states);
      if (
        watched.on_failure === 'remove' &&
        factors.some(({ name, value }) => name === 'health' && value === 0)
      ) {
        same = false;
        return [];
      }
      const weight = effectiveWeight(server.weight, factors);
      if (weight === server.weight) return [server];
      same = false;
      return [{ ...server, weight }];
    });
    return same ? service : { ...service, servers };
  };
}

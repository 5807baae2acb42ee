/** The histories of all servers that are configured: in memory, so that they outlive a reload and not the daemon. */
import { formatEndpoint } from '../core/address/address.ts';
import { type ServerHistory, type Transition, withTransition } from '../core/health/history.ts';
import { type ServiceKey, serviceKey, type VirtualService } from '../core/model/service.ts';

/** Histories by service and server. */
export interface Histories {
  record(service: ServiceKey, server: string, transition: Transition): void;
  /** Forgets all servers but those of these services. */
  keep(services: readonly VirtualService[]): void;
  /** Those of servers of which there is something to tell. */
  list(): readonly ServerHistory[];
}

/** Empty ones. */
export function histories(): Histories {
  const all = new Map<ServiceKey, Map<string, readonly Transition[]>>();
  return {
    record(service, server, transition) {
      const servers = all.get(service) ?? new Map<string, readonly Transition[]>();
      all.set(service, servers.set(server, withTransition(servers.get(server) ?? [], transition)));
    },
    keep(services) {
      if (all.size === 0) return;
      const configured = new Map(services.map((one) => [serviceKey(one), one]));
      for (const [service, servers] of all) {
        const kept = new Set(configured.get(service)?.servers.map(formatEndpoint));
        for (const server of servers.keys()) if (!kept.has(server)) servers.delete(server);
        if (servers.size === 0) all.delete(service);
      }
    },
    list: () =>
      [...all].flatMap(([service, servers]) =>
        [...servers].map(([server, transitions]) => ({ service, server, transitions })),
      ),
  };
}

/** What ip_vs counts, in the words of the port. */
import { type Endpoint, formatEndpoint } from '../../core/address/address.ts';
import type { ServerCounters, ServiceCounters, Traffic } from '../../core/model/counters.ts';
import { optionsOf, type ServiceKey, thresholdsOf, type VirtualService } from '../../core/model/service.ts';
import { NO_STATS } from './codec/stats.ts';
import type { IpvsStats, ListedServer, ListedService } from './codec/values.ts';
import { isGone } from './translate.ts';

/** One of Weir's services, and what the table has of it. */
export interface CountedService {
  readonly key: ServiceKey;
  readonly service: VirtualService;
  readonly leaving: boolean;
  readonly found: { readonly service: ListedService; readonly servers: readonly ListedServer[] };
}

/** Exact up to 2^53, nine petabytes, and to fifteen digits beyond. */
const trafficOf = ({ conns, inpkts, outpkts, inbytes, outbytes }: IpvsStats): Traffic => ({
  conns: Number(conns),
  inpkts: Number(inpkts),
  outpkts: Number(outpkts),
  inbytes: Number(inbytes),
  outbytes: Number(outbytes),
});

/** Services in the order of their configuration, each with its servers: configured ones, the sorry server, those that are leaving. */
export function countersOf(services: readonly CountedService[]): readonly ServiceCounters[] {
  return services.map(({ key, service, leaving, found }) => ({
    key,
    scheduler: service.scheduler,
    ...(service.persistence && { persistence: service.persistence }),
    ...(service.scheduler_flags && { scheduler_flags: service.scheduler_flags }),
    ...optionsOf(service),
    leaving,
    ...trafficOf(found.service.stats),
    servers: serversOf(service, leaving, found.servers),
  }));
}

function serversOf(
  service: VirtualService,
  isLeaving: boolean,
  listed: readonly ListedServer[],
): ServerCounters[] {
  const { servers, sorry_server: sorry } = service;
  const left = new Map(listed.map((server) => [formatEndpoint(server), server]));
  const take = (place: string, more: Partial<ServerCounters>): ServerCounters[] => {
    const server = left.get(place);
    left.delete(place);
    return server === undefined ? [] : [{ ...counted(server, isLeaving), ...more }];
  };
  return [
    ...servers.flatMap((one) => {
      const words = {
        ...thresholdsOf(one),
        ...(one.method && { method: one.method }),
        ...(one.tunnel && { tunnel: one.tunnel }),
      };
      const found = take(formatEndpoint(one), words);
      if (found.length > 0 || !isGone(service, one)) return found;
      return [{ ...counted(absent(one), isLeaving), ...words }];
    }),
    ...(sorry === undefined ? [] : take(formatEndpoint(sorry), { sorry: true, weight: 0 })),
    ...[...left.values()].map((server) => ({ ...counted(server, true), weight: 0 })),
  ];
}

/** One that is configured and has been taken out of the table, so that its connections end. */
const absent = ({ address, port }: Endpoint): ListedServer => ({
  address,
  port,
  forward: 'masq',
  weight: 0,
  upper_threshold: 0,
  lower_threshold: 0,
  active: 0,
  inactive: 0,
  persistent: 0,
  stats: NO_STATS,
});

/**
 * ip_vs keeps it to itself whether a server is overloaded. It is while it has as many connections as its upper threshold;
 * that it is still, until it has fewer than its lower one, cannot be seen.
 */
function counted(server: ListedServer, leaving: boolean): ServerCounters {
  const { address, port, weight, active, inactive, persistent, upper_threshold: upper } = server;
  return {
    address,
    port,
    weight,
    active,
    inactive,
    templates: persistent,
    leaving,
    ...trafficOf(server.stats),
    ...(upper > 0 && active + inactive >= upper && { overloaded: true as const }),
  };
}

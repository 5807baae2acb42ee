/** Which servers depend on which check, and what it makes of their weights. */
import { formatEndpoint } from '../core/address/address.ts';
import { feedbackFactor } from '../core/health/feedback.ts';
import type { CheckStates, Watch, WatchedServer } from '../core/health/servers.ts';
import type { CheckKey } from '../core/model/check.ts';
import type { Config } from '../core/model/config.ts';
import { type ServiceKey, serviceKey } from '../core/model/service.ts';
import { effectiveWeight } from '../core/weight/effective.ts';

/** One server that depends on a check. */
export interface Dependent {
  readonly service: ServiceKey;
  readonly server: string;
  readonly watched: WatchedServer;
  /** The configured one. */
  readonly weight: number;
}

/** What feedback alone makes of a server's weight: as long as that is the same, nothing is to be done. */
export function weightAsked({ watched, weight }: Dependent, states: CheckStates): number {
  const factor = feedbackFactor(watched, states);
  return effectiveWeight(weight, factor === undefined ? [] : [factor]);
}

/** By check, the servers that depend on it. */
export function dependentsIn(
  watch: Watch,
  { services: configured }: Config,
): ReadonlyMap<CheckKey, readonly Dependent[]> {
  const all = new Map<CheckKey, Dependent[]>();
  const weights = new Map<ServiceKey, ReadonlyMap<string, number>>();
  for (const service of watch.services.size === 0 ? [] : configured) {
    const key = serviceKey(service);
    if (watch.services.has(key))
      weights.set(key, new Map(service.servers.map((server) => [formatEndpoint(server), server.weight])));
  }
  for (const [service, { servers }] of watch.services)
    for (const [server, watched] of servers) {
      const one = { service, server, watched, weight: weights.get(service)?.get(server) ?? 0 };
      for (const key of watched.checks) {
        const list = all.get(key);
        if (list === undefined) all.set(key, [one]);
        else list.push(one);
      }
    }
  return all;
}

/** Quorum: whether enough of a service's servers are up for it to be served by them at all. */
import { formatEndpoint } from '../address/address.ts';
import type { Quorum } from '../model/check.ts';
import { type ServiceKey, serviceKey, type VirtualService } from '../model/service.ts';
import { type CheckStates, healthOf, type Watch } from './servers.ts';

/** Whether a service's quorum is met. */
export interface QuorumState {
  readonly met: boolean;
  /** The configured weight of the servers that are up. */
  readonly weight: number;
}

/** By service; those without a quorum are absent. */
export type Quorums = ReadonlyMap<ServiceKey, QuorumState>;

/**
 * Whether the quorum is met with that much weight. As in keepalived it is lost below `quorum - hysteresis` and met again
 * from `quorum + hysteresis` on; between the two it stays what it was. Nothing known, it is met from `quorum` on.
 */
export function quorumMet(
  weight: number,
  { quorum, hysteresis }: Quorum,
  before: boolean | undefined,
): boolean {
  if (before === undefined) return weight >= quorum;
  return before ? weight >= quorum - hysteresis : weight >= quorum + hysteresis;
}

/** The quorums of services, each going on from what it was. */
export function quorumsOf(
  services: readonly VirtualService[],
  watch: Watch,
  states: CheckStates,
  before: Quorums,
): Quorums {
  const quorums = new Map<ServiceKey, QuorumState>();
  if (watch.services.size === 0) return quorums;
  for (const service of services) {
    const key = serviceKey(service);
    const watched = watch.services.get(key);
    if (watched?.quorum === undefined) continue;
    const up = service.servers.filter((server) => {
      const own = watched.servers.get(formatEndpoint(server));
      return own === undefined || healthOf(own, states).verdict === 'up';
    });
    const weight = up.reduce((sum, server) => sum + server.weight, 0);
    quorums.set(key, { met: quorumMet(weight, watched.quorum, before.get(key)?.met), weight });
  }
  return quorums;
}

/**
 * Panic: when too many servers of a service fail at once, the check is suspected first, and the servers that it has taken
 * out get traffic again. A dead network behind the director or a mistake in the check looks the same from here, and no
 * client gains by a service without servers.
 */
import { formatEndpoint } from '../address/address.ts';
import type { Overrides } from '../model/override.ts';
import { type ServiceKey, serviceKey, type VirtualService } from '../model/service.ts';
import { type CheckStates, healthOf, type Watch } from './servers.ts';

/** Whether a service panics, and by how many of its servers. */
export interface PanicState {
  readonly on: boolean;
  /** Servers that fail, of those that count: weight above 0, and no operator's word against them. */
  readonly failed: number;
  readonly of: number;
}

/** By service; those without a panic threshold are absent. */
export type Panics = ReadonlyMap<ServiceKey, PanicState>;

export const NO_PANICS: Panics = new Map();

/**
 * Whether there is panic with so many of the servers failing. It begins when less than `threshold` percent are up, and ends
 * with that many and a tenth of the servers more, so that one server that comes and goes does not move the traffic of a
 * large service each time. With fewer than ten there is no such band: one of two that is back should have all the traffic.
 */
export function panics(
  { failed, of }: Pick<PanicState, 'failed' | 'of'>,
  threshold: number,
  before: boolean,
): boolean {
  const needed = Math.ceil((threshold * of) / 100);
  const up = of - failed;
  return up < needed || (before && up < Math.min(of, needed + Math.floor(of / 10)));
}

/**
 * The panics of services, each going on from what it was. A server that has not been checked yet has not failed; but
 * during a panic it counts as what it was, so that new checks by a reload do not end the panic before they have spoken. And once
 * another one has failed, those count that were out when the daemon started: or the service could be left with fewer than
 * its threshold until they have failed anew.
 */
export function panicsOf(
  services: readonly VirtualService[],
  watch: Watch,
  states: CheckStates,
  overrides: Overrides,
  before: Panics,
): Panics {
  const found = new Map<ServiceKey, PanicState>();
  if (watch.services.size === 0) return found;
  for (const service of services) {
    const key = serviceKey(service);
    const watched = watch.services.get(key);
    if (watched?.panic_threshold === undefined) continue;
    const was = before.get(key)?.on ?? false;
    const counting = service.servers.filter(
      (server) => server.weight > 0 && overrides.get(key)?.has(formatEndpoint(server)) !== true,
    );
    const failing = counting.filter((server) => {
      const own = watched.servers.get(formatEndpoint(server));
      if (own === undefined) return false;
      const { verdict, checked } = healthOf(own, states);
      return verdict === 'down' && (checked || was);
    });
    const out = counting.filter((server) => {
      const own = watched.servers.get(formatEndpoint(server));
      return own?.wasOut === true && !healthOf(own, states).checked && !failing.includes(server);
    });
    // By themselves they do not: one that is new in the file looks the same from here.
    const failed = failing.length === 0 ? 0 : failing.length + out.length;
    const counts = { failed, of: counting.length };
    found.set(key, { on: panics(counts, watched.panic_threshold, was), ...counts });
  }
  return found;
}

/** For people, as the reason why a server that is down has its weight. */
export const panicText = ({ failed, of }: PanicState): string =>
  `panic: ${failed} of ${of} fail, so the check is suspected and all get traffic`;

/** Servers that are drained: whether they are empty, and whether their time is over. */
import { formatEndpoint } from '../core/address/address.ts';
import type { ServiceCounters } from '../core/model/counters.ts';
import { listOverrides, type Override, type Overrides } from '../core/model/override.ts';
import type { ServiceKey } from '../core/model/service.ts';
import type { Log } from '../observe/log.ts';

/** Between two looks, in milliseconds. */
const PAUSE_MS = 1_000;

/** What is left on a server. */
export interface Left {
  readonly connections: number;
  /** Clients of a persistent service that are remembered for it, or networks of them. */
  readonly remembered: number;
}

/** What is left on the server of an override; nothing where it is not there any more. */
export function leftOn(
  counters: readonly ServiceCounters[],
  { service, server }: Pick<Override, 'service' | 'server'>,
): Left {
  const found = counters
    .find(({ key }) => key === service)
    ?.servers.find((one) => formatEndpoint(one) === server);
  return {
    connections: (found?.active ?? 0) + (found?.inactive ?? 0),
    remembered: found?.templates ?? 0,
  };
}

/** What it stands on. */
export interface DrainParts {
  readonly overrides: () => Overrides;
  readonly counters: (of: ReadonlySet<ServiceKey>) => readonly ServiceCounters[];
  readonly log: Log;
  /** Told when a drain has come to its deadline, again and again until that is no longer so. */
  readonly over: () => void;
}

/**
 * Looks at the drains every second. `drain_empty` is told once of each, and again by a daemon that starts anew: nobody may have
 * heard the first. The counters are read only while there is a drain of which it has not been told, and only of its service.
 */
export function watchDrains({ overrides, counters, log, over }: DrainParts): { close(): void } {
  let told = new Set<string>();
  const look = (): void => {
    const drained = listOverrides(overrides()).filter(({ state }) => state === 'drain');
    const name = ({ service, server, since }: Override) => `${service} ${server} ${since}`;
    told = new Set(drained.map(name).filter((one) => told.has(one)));
    const open = drained.filter((one) => !told.has(name(one)));
    const now = open.length === 0 ? [] : counters(new Set(open.map(({ service }) => service)));
    for (const one of open) {
      const { connections, remembered } = leftOn(now, one);
      if (connections > 0) continue;
      told.add(name(one));
      const { service, server, since } = one;
      log.info('drain_empty', { service, server, since, remembered });
    }
    if (drained.some(({ deadline }) => deadline !== undefined && Date.parse(deadline) <= Date.now())) over();
  };
  const timer = setInterval(look, PAUSE_MS);
  return { close: () => clearInterval(timer) };
}

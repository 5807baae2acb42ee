/** Counters since somebody set them to zero: what the kernel counts never goes down, so what it had then is taken off. */
import { formatEndpoint } from '../address/address.ts';
import type { ServerCounters, ServiceCounters, Traffic, Verdicts } from './counters.ts';
import type { ServiceKey } from './service.ts';

/** What the counters were at the zero: of services and of their servers, and of verdicts. */
export interface Baseline {
  readonly services: ReadonlyMap<ServiceKey, ServiceCounters>;
  readonly verdicts: Verdicts;
}

export const NO_BASELINE: Baseline = { services: new Map(), verdicts: {} };

const FIELDS = ['conns', 'inpkts', 'outpkts', 'inbytes', 'outbytes'] as const;

/**
 * What was counted since. A counter below its baseline has begun anew (its service was removed and published again), and
 * then stands for itself.
 */
function trafficSince<T extends Traffic>(now: T, then: Traffic | undefined): T {
  if (then === undefined || FIELDS.some((field) => now[field] < then[field])) return now;
  return { ...now, ...Object.fromEntries(FIELDS.map((field) => [field, now[field] - then[field]])) };
}

/** Services with their traffic since the baseline; present connections and weights are as they are. */
export function servicesSince(
  services: readonly ServiceCounters[],
  baseline: Baseline,
): readonly ServiceCounters[] {
  if (baseline.services.size === 0) return services;
  return services.map((service) => {
    const then = baseline.services.get(service.key);
    if (then === undefined) return service;
    const before = new Map(then.servers.map((server) => [formatEndpoint(server), server]));
    const servers = service.servers.map((server: ServerCounters) =>
      trafficSince(server, before.get(formatEndpoint(server))),
    );
    return { ...trafficSince(service, then), servers };
  });
}

/** Verdicts since the baseline. */
export function verdictsSince(verdicts: Verdicts, { verdicts: then }: Baseline): Verdicts {
  return Object.fromEntries(
    Object.entries(verdicts).map(([name, count]) => {
      const before = then[name] ?? 0;
      return [name, count < before ? count : count - before];
    }),
  );
}

/** The baseline with these services at zero now, and, if they are given, the verdicts. */
export function zeroed(
  baseline: Baseline,
  services: readonly ServiceCounters[],
  verdicts: Verdicts = baseline.verdicts,
): Baseline {
  return {
    services: new Map([...baseline.services, ...services.map((one) => [one.key, one] as const)]),
    verdicts,
  };
}

/** Servers as they are shown: what is configured, what is in effect, and why. */
import { formatEndpoint } from '../address/address.ts';
import { checkText } from '../model/check.ts';
import type { ServerCounters, ServiceCounters } from '../model/counters.ts';
import { type RealServer, type ServiceKey, serviceKey, type VirtualService } from '../model/service.ts';
import type { Factor } from '../weight/effective.ts';
import { factorsOf, type Known } from '../weight/weigh.ts';
import { inEffect } from './flap.ts';
import { type CheckStates, healthOf, type Verdict, type Watch, type WatchedServer } from './servers.ts';
import type { CheckResult, CheckState, CheckVerdict } from './state.ts';

/** One check of a server. */
export interface CheckStatus {
  /** Such as `http GET 192.168.1.101:80/health`. */
  readonly check: string;
  readonly verdict: CheckVerdict;
  /** Results in a row that speak against the verdict, and how many change it. */
  readonly against: number;
  readonly needed: number;
  /** The latest result; null before the first. ISO 8601, UTC; milliseconds. */
  readonly last: {
    readonly outcome: CheckResult['outcome'];
    readonly reason: string;
    readonly at: string;
    readonly took_ms: number;
  } | null;
  /** What somebody should look at although the check passes; null for nothing. */
  readonly warning: string | null;
  /** Null for a check without feedback, and before its first result; in percent of the configured weight. */
  readonly feedback: {
    /** Null before the first figure. */
    readonly heard: number | null;
    readonly share: number;
    readonly stale: boolean;
  } | null;
}

/** A server's health and where it comes from. */
export interface HealthStatus {
  readonly verdict: Verdict;
  /** False while the verdict is what the server counts as until it has been checked. */
  readonly checked: boolean;
  readonly reason: string;
  /** ISO 8601, UTC; null while it is not checked, or held down although its checks pass. */
  readonly since: string | null;
  readonly checks: readonly CheckStatus[];
}

/** A real server in one service: its counters, and the weight in effect with what it is made of. */
export interface ServerStatus extends ServerCounters {
  readonly service: ServiceKey;
  /** Null when the server is no longer configured, and for a sorry server. */
  readonly configured_weight: number | null;
  /** Null for a server without checks. */
  readonly health: HealthStatus | null;
  /** What the configured weight is multiplied by. */
  readonly factors: readonly Factor[];
}

const NO_TRAFFIC = {
  active: 0,
  inactive: 0,
  templates: 0,
  leaving: false,
  conns: 0,
  inpkts: 0,
  outpkts: 0,
  inbytes: 0,
  outbytes: 0,
};

/**
 * All servers in the order of the configuration, and in each service after them those that are no longer configured. A
 * server that is down may have left the data plane, or may finish its connections there; it is shown as what it is to be.
 */
export function serverStatuses(
  counters: readonly ServiceCounters[],
  configured: readonly VirtualService[],
  known: Known,
): readonly ServerStatus[] {
  const { watch, states } = known;
  const inPlane = new Map(counters.map((service) => [service.key, service]));
  const status = (
    key: ServiceKey,
    shown: ServerCounters,
    own?: { readonly service: VirtualService; readonly server: RealServer },
  ): ServerStatus => {
    const watched = watch.services.get(key);
    const health = watched?.servers.get(formatEndpoint(shown));
    const hold = known.holds.get(key)?.get(formatEndpoint(shown));
    return {
      service: key,
      ...shown,
      ...(shown.leaving && own !== undefined && { weight: 0, leaving: false }),
      configured_weight: own?.server.weight ?? null,
      health: health === undefined ? null : healthStatus(health, hold, watch, states),
      factors: own === undefined ? [] : factorsOf(own.service, own.server, known),
    };
  };
  const listed = configured.flatMap((service) => {
    const key = serviceKey(service);
    const there = byEndpoint(inPlane.get(key)?.servers ?? []);
    const own = service.servers.map((server) =>
      status(key, there.get(formatEndpoint(server)) ?? { ...NO_TRAFFIC, ...server, weight: 0 }, {
        service,
        server,
      }),
    );
    for (const server of service.servers) there.delete(formatEndpoint(server));
    inPlane.delete(key);
    return [...own, ...[...there.values()].map((server) => status(key, server))];
  });
  const gone = [...inPlane.values()].flatMap(({ key, servers }) =>
    servers.map((server) => status(key, server)),
  );
  return [...listed, ...gone];
}

const byEndpoint = (servers: readonly ServerCounters[]) =>
  new Map(servers.map((server) => [formatEndpoint(server), server]));

const timeOf = (at: number): string => new Date(at).toISOString();

function healthStatus(
  server: WatchedServer,
  hold: Factor | undefined,
  watch: Watch,
  states: CheckStates,
): HealthStatus {
  const { verdict, checked, reason, since } = inEffect(healthOf(server, states), hold);
  return {
    verdict,
    checked,
    reason,
    since: since === undefined ? null : timeOf(since),
    checks: server.checks.map((key) => {
      const check = watch.checks.get(key)!;
      const { verdict: own, against, last, warning = null, feedback } = states.get(key) ?? UNKNOWN;
      return {
        check: checkText(check),
        verdict: own,
        against,
        needed: own === 'down' ? check.rise : check.fall,
        last:
          last === undefined
            ? null
            : { outcome: last.outcome, reason: last.reason, at: timeOf(last.at), took_ms: last.tookMs },
        warning,
        feedback:
          feedback === undefined
            ? null
            : { heard: feedback.heard ?? null, share: feedback.share, stale: feedback.stale },
      };
    }),
  };
}

const UNKNOWN: CheckState = { verdict: 'unknown', against: 0, since: 0 };

/** Verdicts on checks → verdicts on servers: which checks a server has, and what it counts as before they have spoken. */
import { type Endpoint, formatEndpoint } from '../address/address.ts';
import {
  type Check,
  type CheckKey,
  type Checks,
  checkKey,
  checkText,
  type FlapRule,
  type OnFailure,
  type Quorum,
} from '../model/check.ts';
import type { Config } from '../model/config.ts';
import { type ServiceKey, serviceKey, type VirtualService } from '../model/service.ts';
import type { CheckState } from './state.ts';

/** Whether a server is to have traffic. */
export type Verdict = 'up' | 'down';

/** A server with checks. */
export interface WatchedServer {
  readonly checks: readonly CheckKey[];
  /** What it counts as while no check has spoken against it and not all have spoken for it. */
  readonly initial: Verdict;
  /** Whether it was out until now: by what the data plane held when the daemon started, or by the checks before a reload. */
  readonly wasOut?: true;
}

/** A service with checks. */
export interface WatchedService {
  readonly on_failure: OnFailure;
  readonly quorum?: Quorum;
  /** In percent; absent: no panic. */
  readonly panic_threshold?: number;
  /** Absent: no damping. */
  readonly flap_damping?: FlapRule;
  /** By the server's endpoint in text. */
  readonly servers: ReadonlyMap<string, WatchedServer>;
}

/** All that is watched: each check once, and who depends on it. */
export interface Watch {
  readonly checks: ReadonlyMap<CheckKey, Check>;
  readonly services: ReadonlyMap<ServiceKey, WatchedService>;
}

export const NO_WATCH: Watch = { checks: new Map(), services: new Map() };

/** What is known of the checks; one that is not in it has not been made. */
export type CheckStates = ReadonlyMap<CheckKey, CheckState>;

/** What a server counted as until now; undefined if it was not there. */
export type Previously = (service: ServiceKey, server: string) => Verdict | undefined;

/** What is to be watched under `checks`, where servers that were there before go on as what they were. */
export function watchOf(checks: Checks, previously: Previously): Watch {
  const all = new Map<CheckKey, Check>();
  const services = new Map<ServiceKey, WatchedService>();
  for (const [service, { start_as, servers, ...rules }] of checks) {
    const watched = new Map<string, WatchedServer>();
    for (const [server, list] of servers) {
      const keys = list.map((check) => {
        const key = checkKey(check);
        if (!all.has(key)) all.set(key, check);
        return key;
      });
      const before = previously(service, server);
      const wasOut = before === 'down' && ({ wasOut: true } as const);
      watched.set(server, { checks: keys, initial: before ?? start_as, ...wasOut });
    }
    services.set(service, { ...rules, servers: watched });
  }
  return { checks: all, services };
}

/**
 * What servers counted as by what the data plane holds, for a director that starts: who is there with a weight was up, and who is
 * configured but missing, or there with weight 0, was down. Of services that are not there nothing is known.
 */
export function previouslyInPlane(
  { services }: Pick<Config, 'services'>,
  observed: ReadonlyMap<ServiceKey, VirtualService>,
): Previously {
  const weights = (list: readonly VirtualService[]) =>
    new Map(
      list.map((one) => [
        serviceKey(one),
        new Map(one.servers.map((server) => [formatEndpoint(server), server.weight])),
      ]),
    );
  const wanted = weights(services);
  const there = weights([...observed.values()]);
  return (service, server) => {
    const present = there.get(service);
    if (present === undefined) return undefined;
    const weight = present.get(server);
    if (weight !== undefined && weight > 0) return 'up';
    // Weight 0 where 0 is configured tells nothing.
    return wanted.get(service)?.get(server) === 0 ? undefined : 'down';
  };
}

/** What servers count as under the watch so far, for a reload; who had no checks was up. */
export function previouslyWatched(
  watch: Watch,
  states: CheckStates,
  services: ReadonlyMap<ServiceKey, Pick<VirtualService, 'servers'>>,
): Previously {
  return (service, server) => {
    const watched = watch.services.get(service)?.servers.get(server);
    if (watched !== undefined) return healthOf(watched, states).verdict;
    const there = services.get(service)?.servers.some((one: Endpoint) => formatEndpoint(one) === server);
    return there === true ? 'up' : undefined;
  };
}

/** A server's verdict and where it comes from. */
export interface ServerHealth {
  readonly verdict: Verdict;
  /** False while the verdict is only what the server counts as until it has been checked. */
  readonly checked: boolean;
  /** For people. */
  readonly reason: string;
  /** Since when, in milliseconds of the clock that the states have; absent while it is not checked. */
  readonly since?: number;
}

/** Down by any check that is down, up when all are; until then what the server counts as at first. */
export function healthOf({ checks, initial }: WatchedServer, states: CheckStates): ServerHealth {
  let since = 0;
  let passing = 0;
  let unknown = false;
  for (const key of checks) {
    const state = states.get(key);
    if (state?.verdict === 'down')
      return { verdict: 'down', checked: true, reason: reasonOf(state), since: state.since };
    if (state?.verdict === 'up') {
      since = Math.max(since, state.since);
      passing++;
    }
    // Who has never given its feedback is not waited for: that is no word against the server.
    else if (state?.feedback?.stale !== true) unknown = true;
  }
  if (unknown || passing === 0) return { verdict: initial, checked: false, reason: 'not checked yet' };
  return {
    verdict: 'up',
    checked: true,
    reason: passing === 1 ? 'its check passes' : `its ${passing} checks pass`,
    since,
  };
}

const reasonOf = ({ decided }: CheckState): string => decided?.reason ?? 'failed';

/** The check that a server is down by, for people; undefined if it is by none. */
export function failingCheck(
  { checks }: WatchedServer,
  watch: Watch,
  states: CheckStates,
): string | undefined {
  const key = checks.find((one) => states.get(one)?.verdict === 'down');
  const check = key === undefined ? undefined : watch.checks.get(key);
  return check && checkText(check);
}

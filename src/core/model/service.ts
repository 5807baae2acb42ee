/** Virtual services and their real servers, in LVS's words. */
import { type Endpoint, formatEndpoint, parseEndpoint } from '../address/address.ts';
import type { Persistence } from './persistence.ts';
import type { Timeouts } from './state.ts';

/** Transport protocols that can be balanced. */
export const PROTOCOLS = ['tcp', 'udp'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** Schedulers by ip_vs's names, in the order of their numbers in bpf/contract.h (`enum weir_scheduler`). */
export const SCHEDULERS = [
  'rr',
  'wrr',
  'lc',
  'wlc',
  'sed',
  'nq',
  'fo',
  'ovf',
  'dh',
  'sh',
  'mh',
  'twos',
  'lblc',
  'lblcr',
] as const;
export type Scheduler = (typeof SCHEDULERS)[number];

/** Flags of schedulers by ipvsadm's names (`-b`): what comes before the hyphen is the scheduler that knows the flag. */
export const SCHEDULER_FLAGS = ['sh-fallback', 'sh-port', 'mh-fallback', 'mh-port'] as const;
export type SchedulerFlag = (typeof SCHEDULER_FLAGS)[number];

/** The flags that a scheduler knows. */
export function flagsOf(scheduler: Scheduler): readonly SchedulerFlag[] {
  return SCHEDULER_FLAGS.filter((flag) => flag.startsWith(`${scheduler}-`));
}

/** The most real servers a service can have. */
export const MAX_SERVERS = 1024;
/** The highest weight; 0 means no new connections. */
export const MAX_WEIGHT = 65535;

/** A server behind a virtual service. The endpoint's family is the service's. */
export interface RealServer extends Endpoint {
  /** 0–65535, relative to the service's other servers; 0 takes no new connections and keeps those it has. */
  readonly weight: number;
  /** It gets no new connections from so many on that it has, as ipvsadm's -x; 1 or more, absent for no such number. */
  readonly upper_threshold?: number;
  /** It gets new ones again from fewer than so many on, as -y; absent: than three quarters of the upper threshold. */
  readonly lower_threshold?: number;
}

/** The highest threshold, ipvsadm's. */
export const MAX_THRESHOLD = 2_147_483_647;

/** A server's thresholds to be spread into what shows it; nothing for those it has not. */
export function thresholdsOf({
  upper_threshold: upper,
  lower_threshold: lower,
}: Pick<RealServer, 'upper_threshold' | 'lower_threshold'>): Pick<
  RealServer,
  'upper_threshold' | 'lower_threshold'
> {
  return { ...(upper && { upper_threshold: upper }), ...(lower && { lower_threshold: lower }) };
}

/**
 * What clients connect to: protocol, VIP and port, and the servers behind it. Port 0 is every port of the VIP that no
 * other service has: of a persistent service, whose servers' port is 0 too and stands for the one the client asks for.
 */
export interface VirtualService extends Endpoint {
  readonly protocol: Protocol;
  readonly scheduler: Scheduler;
  /** Flags of this scheduler, in the order of SCHEDULER_FLAGS; left out when there are none. */
  readonly scheduler_flags?: readonly SchedulerFlag[];
  readonly timeouts: Timeouts;
  /** Absent: every connection goes where the scheduler says. */
  readonly persistence?: Persistence;
  /** At most 1,024, no two with the same endpoint, in the order of the configuration. */
  readonly servers: readonly RealServer[];
  /** Takes the connections that none of the servers is there for, and is none of them. */
  readonly sorry_server?: Endpoint;
  /** What becomes of a connection that nobody is there for: refused and answered unless it says otherwise. */
  readonly no_server?: 'drop';
}

/** What may become of a connection that nobody is there for: its client is told, or hears nothing. */
export const NO_SERVER = ['reject', 'drop'] as const;

/** The endpoints that a service's connections may go to: its servers, and the sorry server. */
export function endpointsOf({
  servers,
  sorry_server: sorry,
}: Pick<VirtualService, 'servers' | 'sorry_server'>): readonly Endpoint[] {
  return sorry === undefined ? servers : [...servers, sorry];
}

declare const serviceKeyBrand: unique symbol;

/** What names a virtual service, such as `tcp 203.0.113.100:80`. */
export type ServiceKey = string & { readonly [serviceKeyBrand]: true };

/** The key of a service: protocol, VIP and port. */
export function serviceKey(service: Pick<VirtualService, 'protocol' | 'address' | 'port'>): ServiceKey {
  return `${service.protocol} ${formatEndpoint(service)}` as ServiceKey;
}

/** Reads what `serviceKey` writes (and the same with `/` for the space); undefined if it is anything else. */
export function parseServiceKey(text: string): (Endpoint & { protocol: Protocol }) | undefined {
  const match = /^(tcp|udp)[ /](.+)$/.exec(text);
  const endpoint = match === null ? undefined : parseEndpoint(match[2] ?? '');
  return endpoint === undefined ? undefined : { ...endpoint, protocol: match?.[1] as Protocol };
}

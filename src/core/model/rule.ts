/** What ipvsadm can say of services and servers, in words of the configuration. */
import { formatEndpoint } from '../address/address.ts';
import type { Persistence } from './persistence.ts';
import {
  type Method,
  type RealServer,
  type Scheduler,
  type SchedulerFlag,
  type ServiceKey,
  serviceKey,
  type VirtualService,
} from './service.ts';
import type { Tunnel } from './tunnel.ts';

/** Of a service. */
export interface ServiceRule {
  readonly scheduler: Scheduler;
  /** Empty for none. */
  readonly scheduler_flags: readonly SchedulerFlag[];
  /** Null for none; as the configuration has it, but for what ipvsadm has no word for. */
  readonly persistence: Pick<Persistence, 'timeout' | 'granularity' | 'engine'> | null;
  readonly one_packet: boolean;
}

/** Of a server. */
export interface ServerRule {
  readonly weight: number;
  /** 0 for none; so the lower one. */
  readonly upper_threshold: number;
  readonly lower_threshold: number;
  readonly method: Method;
  /** Null for IP in IP, and for other methods. */
  readonly tunnel: Tunnel | null;
}

/** What is asked for at once: a command. `server` is an endpoint in text. */
export type RuleChange =
  | {
      readonly kind: 'add-service' | 'edit-service';
      readonly service: ServiceKey;
      readonly rule: ServiceRule;
    }
  | { readonly kind: 'delete-service'; readonly service: ServiceKey }
  | {
      readonly kind: 'add-server' | 'edit-server';
      readonly service: ServiceKey;
      readonly server: string;
      readonly rule: ServerRule;
    }
  | { readonly kind: 'delete-server'; readonly service: ServiceKey; readonly server: string }
  | { readonly kind: 'flush' };

/** What ipvsadm would say of a service. */
export function serviceRule({
  scheduler,
  scheduler_flags: flags = [],
  persistence,
  one_packet,
}: VirtualService): ServiceRule {
  return {
    scheduler,
    scheduler_flags: flags,
    persistence:
      persistence === undefined
        ? null
        : {
            timeout: persistence.timeout,
            granularity: persistence.granularity,
            ...(persistence.engine && { engine: persistence.engine }),
          },
    one_packet: one_packet ?? false,
  };
}

/** What ipvsadm would say of a server. */
export function serverRule({
  weight,
  upper_threshold: upper = 0,
  lower_threshold: lower = 0,
  method,
  tunnel,
}: RealServer): ServerRule {
  return {
    weight,
    upper_threshold: upper,
    lower_threshold: lower,
    method: method ?? 'nat',
    tunnel: tunnel ?? null,
  };
}

/** What of `wanted` is not so in `present`. */
export function differenceOf<T extends object>(present: T, wanted: Partial<T>): Partial<T> {
  const keys = Object.keys(wanted) as (keyof T)[];
  const others = keys.filter((key) => JSON.stringify(wanted[key]) !== JSON.stringify(present[key]));
  return Object.fromEntries(others.map((key) => [key, wanted[key]])) as Partial<T>;
}

/** A service of the configuration with its servers, to be found by their names. */
export interface Known {
  readonly service: VirtualService;
  readonly servers: ReadonlyMap<string, RealServer>;
}

/** Services by their keys; servers are looked up when somebody asks. */
export function knownIn(services: readonly VirtualService[]): (key: ServiceKey) => Known | undefined {
  const all = new Map(services.map((service) => [serviceKey(service), service]));
  const known = new Map<ServiceKey, Known>();
  return (key) => {
    const service = all.get(key);
    if (service === undefined) return undefined;
    const before = known.get(key);
    if (before !== undefined) return before;
    const servers = new Map(service.servers.map((server) => [formatEndpoint(server), server]));
    known.set(key, { service, servers });
    return known.get(key);
  };
}

/** Changes of ip_vs → changes of a configuration, or why a configuration has no words for them. */
import { addressBytes, familyOf, formatEndpoint, widthOf } from '../core/address/address.ts';
import { unspecified } from '../core/model/fwmark.ts';
import { maskAddress, maskLength, PERSISTENCE_ENGINES } from '../core/model/persistence.ts';
import type { RuleChange, ServerRule, ServiceRule } from '../core/model/rule.ts';
import { flagsOf, SCHEDULERS, type Scheduler, type ServiceKey, serviceKey } from '../core/model/service.ts';
import type { Tunnel } from '../core/model/tunnel.ts';
import type { IpvsChange } from '../dataplane/ipvs/changes.ts';
import type { IpvsServer, IpvsService, IpvsServiceId, IpvsTunnel } from '../dataplane/ipvs/codec/values.ts';
import { KernelError } from '../kernel/errors.ts';
import { ONE_PACKET, PERSISTENT, schedulerFlagsText } from './flags.ts';
import { TableRefusal } from './table.ts';

const ENOENT = 2;

/** The key of a service. */
export function keyOf(id: IpvsServiceId): ServiceKey {
  if ('fwmark' in id) {
    const { fwmark, family } = id;
    return serviceKey({ protocol: 'fwmark', fwmark, address: unspecified(family), port: 0 });
  }
  return serviceKey(id);
}

/** The change. Throws a TableRefusal, or a KernelError as the kernel would refuse it. */
export function ruleChangeOf(change: IpvsChange): RuleChange {
  const id = 'service' in change ? change.service.id : change.id;
  const service = keyOf(id);
  switch (change.kind) {
    case 'add-service':
    case 'edit-service':
      return { kind: change.kind, service, rule: serviceRuleOf(change.service) };
    case 'delete-service':
      return { kind: change.kind, service };
    case 'add-server':
    case 'edit-server':
      return {
        kind: change.kind,
        service,
        server: formatEndpoint(change.server),
        rule: serverRuleOf(change.server),
      };
    case 'delete-server':
      return { kind: change.kind, service, server: formatEndpoint(change.server) };
  }
}

function serviceRuleOf(service: IpvsService): ServiceRule {
  const { scheduler: name, flags, pe } = service;
  const scheduler = SCHEDULERS.find((one) => one === name);
  if (scheduler === undefined) throw new KernelError(`find scheduler ${name}`, ENOENT);
  const engine = PERSISTENCE_ENGINES.find((one) => one === pe);
  if (pe !== undefined && engine === undefined)
    throw new KernelError(`find persistence engine ${pe}`, ENOENT);
  if (engine !== undefined && (flags & PERSISTENT) === 0)
    throw new TableRefusal(`the persistence engine ${engine} without persistence (-p) does nothing`);
  return {
    scheduler,
    scheduler_flags: schedulerFlagsOf(scheduler, flags),
    persistence: (flags & PERSISTENT) === 0 ? null : { ...persistenceOf(service), ...(engine && { engine }) },
    one_packet: (flags & ONE_PACKET) !== 0,
  };
}

function schedulerFlagsOf(scheduler: Scheduler, flags: number): ServiceRule['scheduler_flags'] {
  const names = (schedulerFlagsText(scheduler, flags) ?? '').split(',').filter((one) => one !== '');
  const own = flagsOf(scheduler).filter((flag) => names.includes(flag));
  if (own.length < names.length) throw new TableRefusal(`${scheduler} has no flag ${names.join(',')}`);
  return own;
}

function persistenceOf({
  id,
  netmask,
  timeout: seconds,
}: IpvsService): NonNullable<ServiceRule['persistence']> {
  const timeout = seconds * 1000;
  if (typeof netmask === 'number') return { timeout, granularity: netmask };
  const family = 'fwmark' in id ? id.family : familyOf(id.address);
  // The default mask is that of an IPv4 host, whatever the family.
  if (family === 6) return { timeout, granularity: widthOf(6) };
  const granularity = maskLength(addressBytes(netmask));
  if (granularity === 0 || maskAddress(4, granularity) !== netmask)
    throw new TableRefusal(`-M ${netmask} is not the mask of a prefix of 1 to 32 bits`);
  return { timeout, granularity };
}

const METHODS = { masq: 'nat', local: 'nat', route: 'direct', bypass: 'direct', tunnel: 'tunnel' } as const;

function serverRuleOf(server: IpvsServer): ServerRule {
  const { weight, forward, upper_threshold, lower_threshold, tunnel } = server;
  const method = METHODS[forward];
  const isPlain = method !== 'tunnel' || tunnel === undefined || tunnel.type === 'ipip';
  return { weight, upper_threshold, lower_threshold, method, tunnel: isPlain ? null : tunnelOf(tunnel) };
}

function tunnelOf({ type, port, flags }: IpvsTunnel): Tunnel {
  // By ip_vs's bits; those of both are what it takes for remote ones.
  const checksum = (flags & 2) !== 0 ? 'remote' : flags === 0 ? undefined : 'full';
  return { type, ...(port !== 0 && { port }), ...(checksum && { checksum }) };
}

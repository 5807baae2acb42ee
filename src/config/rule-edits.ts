/** Overrides → edits of the file's own keys, to be made in its values or in its text. */
import { familyOf, formatEndpoint, formatPrefix, parseEndpoint, widthOf } from '../core/address/address.ts';
import { formatPortRange } from '../core/model/ports.ts';
import type { ServerRule, ServiceRule } from '../core/model/rule.ts';
import type {
  OfService,
  RuleOverrides,
  ServerOverride,
  ServiceOverride,
} from '../core/model/rule-override.ts';
import {
  parseServiceKey,
  type ServiceKey,
  type ServiceName,
  serviceKey,
  type VirtualService,
} from '../core/model/service.ts';
import type { Tunnel } from '../core/model/tunnel.ts';
import type { Path } from './problems.ts';
import { formatDuration } from './units.ts';

/**
 * A change of one place: a key gets a value or goes, a list gets an item or loses one. Each is to be made after those before it;
 * what leaves a list leaves it from the end on, and last.
 */
export type Edit =
  | { readonly kind: 'set' | 'append'; readonly path: Path; readonly value: unknown }
  | { readonly kind: 'remove'; readonly path: Path };

type Group = Readonly<Record<string, unknown>>;

/** The edits that lay overrides over a file whose values are `root` and which has these services. */
export function editsOf(
  root: unknown,
  services: readonly VirtualService[],
  overrides: RuleOverrides,
): readonly Edit[] {
  const groups = ((root as Group)['services'] ?? []) as readonly Group[];
  const left = new Map(overrides);
  const edits: Edit[] = [];
  const gone: Edit[] = [];
  services.forEach((service, i) => {
    const key = serviceKey(service);
    const of = left.get(key);
    if (of === undefined) return;
    left.delete(key);
    const path = ['services', i];
    if (of.service?.change === 'removed') gone.unshift({ kind: 'remove', path });
    else edits.push(...serviceEdits(path, groups[i]!, service, of));
  });
  for (const [key, { service, servers }] of left)
    if (service?.change === 'added')
      edits.push({
        kind: 'append',
        path: ['services'],
        value: newService(key, service, [...servers.values()]),
      });
  return [...edits, ...gone];
}

function* serviceEdits(
  path: Path,
  group: Group,
  service: VirtualService,
  { service: own, servers }: OfService,
): Generator<Edit> {
  if (own !== undefined) yield* ruleEdits(path, group, own.rule, service);
  const groups = group['servers'] as readonly Group[];
  const left = new Map(servers);
  const gone: Edit[] = [];
  for (const [i, server] of left.size === 0 ? [] : service.servers.entries()) {
    const name = formatEndpoint(server);
    const one = left.get(name);
    if (one === undefined) continue;
    left.delete(name);
    const at = [...path, 'servers', i];
    if (one.change === 'removed') gone.unshift({ kind: 'remove', path: at });
    else yield* serverEdits(at, groups[i]!, one.rule, group);
  }
  const common = { method: group['method'], tunnel: group['tunnel'], port: serverPort(service) };
  for (const one of left.values())
    if (one.change === 'added')
      yield { kind: 'append', path: [...path, 'servers'], value: newServer(one, common) };
  yield* gone;
}

/** What a server's port is where the file does not say. */
const serverPort = ({ port, ports }: Pick<VirtualService, 'port' | 'ports'>): number =>
  ports === undefined ? port : 0;

const setOrRemove = (path: Path, group: Group, key: string, value: unknown): readonly Edit[] => {
  if (value !== undefined) return [{ kind: 'set', path: [...path, key], value }];
  return group[key] === undefined ? [] : [{ kind: 'remove', path: [...path, key] }];
};

function* ruleEdits(
  path: Path,
  group: Group,
  rule: Partial<ServiceRule>,
  service: VirtualService,
): Generator<Edit> {
  const { scheduler, scheduler_flags: flags, persistence, one_packet } = rule;
  if (scheduler !== undefined) yield* setOrRemove(path, group, 'scheduler', scheduler);
  if (flags !== undefined)
    yield* setOrRemove(path, group, 'scheduler_flags', flags.length === 0 ? undefined : flags);
  if (one_packet !== undefined) yield* setOrRemove(path, group, 'one_packet', one_packet || undefined);
  if (persistence === undefined) return;
  const before = group['persistence'] as Group | undefined;
  if (persistence === null || before === undefined || service.persistence === undefined) {
    yield* setOrRemove(
      path,
      group,
      'persistence',
      persistence === null ? undefined : newPersistence(persistence, service),
    );
    return;
  }
  // Each key by itself: one that stays keeps its spelling and its comment, and so do those that ipvsadm has no word for.
  const inside = [...path, 'persistence'];
  const { timeout, granularity, engine } = newPersistence(persistence, service);
  if (persistence.timeout !== service.persistence.timeout)
    yield { kind: 'set', path: [...inside, 'timeout'], value: timeout };
  if (persistence.granularity !== service.persistence.granularity)
    yield* setOrRemove(inside, before, 'granularity', granularity);
  if (persistence.engine !== service.persistence.engine) yield* setOrRemove(inside, before, 'engine', engine);
}

function newPersistence(
  { timeout, granularity, engine }: NonNullable<ServiceRule['persistence']>,
  { address }: Pick<VirtualService, 'address'>,
): { readonly timeout: string; readonly granularity?: number; readonly engine?: string } {
  const isHost = granularity === widthOf(familyOf(address));
  return { timeout: formatDuration(timeout), ...(!isHost && { granularity }), ...(engine && { engine }) };
}

function* serverEdits(
  path: Path,
  group: Group,
  { weight, upper_threshold: upper, lower_threshold: lower, method, tunnel }: Partial<ServerRule>,
  service: Group,
): Generator<Edit> {
  if (weight !== undefined) yield { kind: 'set', path: [...path, 'weight'], value: weight };
  if (upper !== undefined) yield* setOrRemove(path, group, 'upper_threshold', upper || undefined);
  if (lower !== undefined) yield* setOrRemove(path, group, 'lower_threshold', lower || undefined);
  if (method !== undefined)
    yield* setOrRemove(path, group, 'method', method === (service['method'] ?? 'nat') ? undefined : method);
  if (tunnel === undefined) return;
  const by = method ?? group['method'] ?? service['method'];
  const wanted = by === 'tunnel' ? tunnelKey(tunnel, service['tunnel'])['tunnel'] : undefined;
  yield* setOrRemove(path, group, 'tunnel', wanted);
}

/** What a server has of its service unless it says otherwise. */
interface Common {
  readonly method: unknown;
  readonly tunnel?: unknown;
  readonly port: number;
}

function newServer(
  { server, rule }: ServerOverride,
  { method: usual = 'nat', tunnel: common, port: at }: Common,
): Group {
  const { address, port } = parseEndpoint(server)!;
  const { weight = 1, upper_threshold: upper, lower_threshold: lower, method = 'nat', tunnel = null } = rule;
  return {
    address,
    ...(port !== at && { port }),
    ...(method !== usual && { method }),
    ...(method === 'tunnel' && tunnelKey(tunnel, common)),
    ...(weight !== 1 && { weight }),
    ...(upper && { upper_threshold: upper }),
    ...(lower && { lower_threshold: lower }),
  };
}

/** A tunnel is said where it is another than the service's. */
function tunnelKey(tunnel: Tunnel | null, common: unknown): Group {
  if (tunnel !== null) return { tunnel };
  return common === undefined ? {} : { tunnel: { type: 'ipip' } };
}

/** The keys that name a service. */
function nameKeys({ protocol, fwmark, address, port, ports, prefix_length: length }: ServiceName): Group {
  if (fwmark !== undefined) return { fwmark, ...(familyOf(address) === 6 && { family: 'ipv6' }) };
  return {
    protocol,
    address: length === undefined ? address : formatPrefix({ address, length }),
    ...(ports === undefined ? { port } : { ports: ports.map(formatPortRange) }),
  };
}

function newService(key: ServiceKey, { rule }: ServiceOverride, servers: readonly ServerOverride[]): Group {
  const name = parseServiceKey(key)!;
  const { scheduler, scheduler_flags: flags = [], persistence, one_packet } = rule;
  return {
    ...nameKeys(name),
    ...(scheduler !== undefined && { scheduler }),
    ...(flags.length > 0 && { scheduler_flags: flags }),
    ...(persistence && { persistence: newPersistence(persistence, name) }),
    ...(one_packet && { one_packet }),
    servers: servers.flatMap((one) =>
      one.change === 'added' ? [newServer(one, { method: 'nat', port: serverPort(name) })] : [],
    ),
  };
}

/** What an operator has made other than it is configured, by ipvsadm's commands: the difference, and no more. */
import {
  differenceOf,
  type Known,
  knownIn,
  type ServerRule,
  type ServiceRule,
  serverRule,
  serviceRule,
} from './rule.ts';
import type { ServiceKey, VirtualService } from './service.ts';
import { type Tunnel, tunnelText } from './tunnel.ts';

/** Who has said it, and when: ISO 8601, UTC. */
export interface Said {
  readonly since: string;
  /** Absent where it is not known. */
  readonly by?: string;
}

/** What has become of something: it is in addition to what is configured, other than that, or out. */
export const RULE_STATES = ['added', 'edited', 'removed'] as const;
export type RuleState = (typeof RULE_STATES)[number];

/** `rule`: of `added` all, of `edited` what is other than configured, of `removed` nothing. */
export interface ServiceOverride extends Said {
  readonly kind: 'service';
  readonly service: ServiceKey;
  readonly change: RuleState;
  readonly rule: Partial<ServiceRule>;
}

/** `server` is its endpoint in text. */
export interface ServerOverride extends Said {
  readonly kind: 'server';
  readonly service: ServiceKey;
  readonly server: string;
  readonly change: RuleState;
  readonly rule: Partial<ServerRule>;
}

export type RuleOverride = ServiceOverride | ServerOverride;

/** What is said of one service, and of its servers by their endpoints. */
export interface OfService {
  readonly service?: ServiceOverride;
  readonly servers: ReadonlyMap<string, ServerOverride>;
}

/** By service; those that nothing is said of are absent. */
export type RuleOverrides = ReadonlyMap<ServiceKey, OfService>;

export const NO_RULES: RuleOverrides = new Map();

/** The most of them that are kept. */
export const MAX_RULE_OVERRIDES = 131_072;

/** All of them in a list, a service's before those of its servers. */
export function listRules(overrides: RuleOverrides): readonly RuleOverride[] {
  return [...overrides.values()].flatMap(({ service, servers }) => [
    ...(service === undefined ? [] : [service]),
    ...servers.values(),
  ]);
}

/** A list as overrides; of two for the same thing the later one counts. */
export function rulesOf(list: readonly RuleOverride[]): RuleOverrides {
  const all = new Map<ServiceKey, { service?: ServiceOverride; servers: Map<string, ServerOverride> }>();
  for (const one of list) {
    const of: { service?: ServiceOverride; servers: Map<string, ServerOverride> } = all.get(one.service) ?? {
      servers: new Map(),
    };
    all.set(one.service, of);
    if (one.kind === 'service') of.service = one;
    else of.servers.set(one.server, one);
  }
  return all;
}

/** An override that counts no longer: what is configured has come to say the same, or there is nothing any more that it is about. */
export interface Lapsed {
  readonly override: RuleOverride;
  readonly why: 'configured' | 'gone';
}

/** The overrides as differences from these services, and those that are none any more. Doing it twice changes nothing more. */
export function rebase(
  services: readonly VirtualService[],
  overrides: RuleOverrides,
): { readonly overrides: RuleOverrides; readonly lapsed: readonly Lapsed[] } {
  const known = knownIn(services);
  const lapsed: Lapsed[] = [];
  const kept: RuleOverride[] = [];
  const judge = (override: RuleOverride, now: RuleOverride | Lapsed['why']) => {
    if (typeof now === 'string') lapsed.push({ override, why: now });
    else kept.push(now);
  };
  for (const [key, { service, servers }] of overrides) {
    const base = known(key);
    if (service !== undefined) judge(service, serviceOver(service, base));
    const isThere = service?.change === 'added' || (base !== undefined && service?.change !== 'removed');
    for (const one of servers.values()) judge(one, isThere ? serverOver(one, base) : 'gone');
  }
  const before = listRules(overrides);
  const changed = lapsed.length > 0 || kept.some((one, i) => one !== before[i]);
  return { overrides: changed ? rulesOf(kept) : overrides, lapsed };
}

function serviceOver(one: ServiceOverride, base: Known | undefined): ServiceOverride | Lapsed['why'] {
  if (one.change === 'removed') return base === undefined ? 'configured' : one;
  if (base === undefined) return one.change === 'added' ? one : 'gone';
  return edited(one, differenceOf(serviceRule(base.service), one.rule));
}

function serverOver(one: ServerOverride, base: Known | undefined): ServerOverride | Lapsed['why'] {
  const server = base?.servers.get(one.server);
  if (one.change === 'removed') return server === undefined ? 'configured' : one;
  if (server === undefined) return one.change === 'added' ? one : 'gone';
  return edited(one, differenceOf(serverRule(server), one.rule));
}

function edited<T extends RuleOverride>(one: T, rule: T['rule']): T | 'configured' {
  const count = Object.keys(rule).length;
  if (count === 0) return 'configured';
  const isSame = one.change === 'edited' && count === Object.keys(one.rule).length;
  return isSame ? one : { ...one, change: 'edited', rule };
}

const words = (rule: object): string =>
  Object.entries(rule)
    .map(([name, value]) => `${name} ${valueText(name, value)}`)
    .join(', ');

function valueText(name: string, value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.join(',');
  if (value === null) return 'none';
  if (value === 0 && name.endsWith('threshold')) return 'none';
  if (typeof value !== 'object') return value === true ? 'on' : value === false ? 'off' : String(value);
  if (name === 'tunnel') return tunnelText(value as Tunnel);
  const { timeout, granularity, engine } = value as NonNullable<ServiceRule['persistence']>;
  return `${timeout / 1000}s /${granularity}${engine === undefined ? '' : ` ${engine}`}`;
}

/** For people: `added: weight 2, upper_threshold 10`. */
export function ruleText({ change, rule }: RuleOverride): string {
  const shown =
    change === 'added'
      ? Object.fromEntries(Object.entries(rule).filter(([name, value]) => isTelling(name, value)))
      : rule;
  const text = words(shown);
  return text === '' ? change : `${change}: ${text}`;
}

/** Whether it is other than what goes without saying. */
const isTelling = (name: string, value: unknown): boolean =>
  name === 'weight' || name === 'scheduler'
    ? true
    : !(
        value === null ||
        value === 0 ||
        value === false ||
        value === 'nat' ||
        (Array.isArray(value) && value.length === 0)
      );

/** For people: what has been made of it, by whom, and since when. */
export function ruleLine(one: RuleOverride): string {
  const by = one.by === undefined ? '' : ` by ${one.by}`;
  return `${ruleText(one)} (ipvsadm${by}, ${one.since.slice(0, 19)}Z)`;
}

/** For people: what it is about. */
export const ruleSubject = (one: RuleOverride): string =>
  one.kind === 'service' ? one.service : `${one.server} of ${one.service}`;

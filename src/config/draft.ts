/** What of a file could be understood, for checks of one part against another while other parts are still wrong. */
import type { z } from 'zod';
import { type Address, familyOf, type Prefix, widthOf } from '../core/address/address.ts';
import { DEFAULT_LIMITS } from '../core/model/config.ts';
import type { Side } from '../core/model/host.ts';
import type { PortRange } from '../core/model/ports.ts';
import {
  isOnePort,
  MAX_THRESHOLD,
  PROTOCOLS,
  SCHEDULER_FLAGS,
  type Scheduler,
  type SchedulerFlag,
  type ServiceProtocol,
  TCP_OPTIONS,
  type TcpOption,
} from '../core/model/service.ts';
import { type DraftCheck, draftChecksOf, readDraftChecks } from './draft-checks.ts';
import {
  addressField,
  hostPrefixField,
  interfaceField,
  labelField,
  networkField,
  numberField,
  portRangeField,
  targetField,
  wordField,
} from './fields.ts';
import { markFields } from './ipvs-fields.ts';
import { nameIn } from './names.ts';
import type { Path } from './problems.ts';
import { configSchema, type ParsedFile } from './schema.ts';
import { normalSysctlName } from './sysctl.ts';

/** A value and where it stands. */
export interface Found<T> {
  readonly value: T;
  readonly path: Path;
}

export interface DraftEndpoint {
  readonly path: Path;
  readonly address: Found<Address> | undefined;
  readonly port: number | undefined;
}

/** Keys that name a service. */
const NAMING_KEYS = ['protocol', 'address', 'port', 'ports', 'fwmark', 'family'] as const;
export type NamingKey = (typeof NAMING_KEYS)[number];

/** A server, with its own checks. */
export interface DraftServer extends DraftEndpoint {
  readonly checks: readonly DraftCheck[];
  /** Numbers of connections, 0 for none; undefined when that number is wrong. */
  readonly upperThreshold: number | undefined;
  readonly lowerThreshold: number | undefined;
}

export interface DraftService extends DraftEndpoint {
  /** Fwmark where there is that key; address and port are then what stands for none. */
  readonly protocol: ServiceProtocol | undefined;
  readonly fwmark: number | undefined;
  /** Which of the keys there are that name a service, whatever is in them. */
  readonly keys: readonly NamingKey[];
  /** True if the persistence has that key. */
  readonly hasEngine: boolean;
  /** Present where it is below the family's: then `address` is that of a prefix. */
  readonly prefixLength: number | undefined;
  /** Whether there is such a key, whatever is in it. */
  readonly hasPort: boolean;
  /** Those that are right of its list of ports; undefined where it has none. */
  readonly ports: readonly Found<PortRange>[] | undefined;
  /** True if the service has that key, whatever is in it. */
  readonly isPersistent: boolean;
  readonly granularity: Found<number> | undefined;
  /** The default included. */
  readonly scheduler: Scheduler | undefined;
  readonly schedulerFlags: readonly Found<SchedulerFlag>[];
  readonly checks: readonly DraftCheck[];
  /** True if the service has that key, whatever is in it. */
  readonly hasSlowStart: boolean;
  readonly hasSlowStartSteps: boolean;
  /** True if the service has that key, whatever is in it. */
  readonly hasPanicThreshold: boolean;
  readonly hasFlapDamping: boolean;
  readonly quorum: number | undefined;
  readonly hysteresis: number | undefined;
  readonly servers: readonly DraftServer[];
  readonly sorryServer: DraftEndpoint | undefined;
  /** Options that are on and for TCP alone. */
  readonly tcpOptions: readonly TcpOption[];
  readonly isOnePacket: boolean;
}

export interface DraftVip {
  readonly path: Path;
  readonly address: Found<Prefix> | undefined;
  /** The default included. */
  readonly interface: Found<string> | undefined;
  readonly label: Found<string> | undefined;
}

export interface DraftMasquerade {
  readonly path: Path;
  readonly source: Prefix | undefined;
  /** The default included. */
  readonly interface: Found<string> | undefined;
}

/** A file's understood parts; whatever is absent or wrong is missing here, and reported elsewhere. */
export interface Draft {
  readonly interfaces: readonly (Found<string> & { readonly side: Side })[];
  readonly vips: readonly DraftVip[];
  readonly services: readonly DraftService[];
  readonly masquerade: readonly DraftMasquerade[];
  /** Names as written, with their normal spelling if they have one. */
  readonly sysctls: readonly (Found<string> & { readonly normal: string | undefined })[];
  readonly limits: { readonly services: number; readonly servers: number };
}

const portField = configSchema.shape.services.element.shape.port;
const thresholdField = numberField('a number of connections', 0, MAX_THRESHOLD).default(0);
const granularityField = numberField('a prefix length', 1, 128);
const limitFields = configSchema.shape.limits.def.innerType.shape;
const schedulerField = configSchema.shape.services.element.shape.scheduler;
const flagField = wordField('a scheduler flag', SCHEDULER_FLAGS);
const quorumField = configSchema.shape.services.element.shape.quorum;
const hysteresisField = configSchema.shape.services.element.shape.hysteresis;
const protocolField = wordField('a protocol', PROTOCOLS);
const { fwmark: fwmarkField, family: familyField } = markFields;

/** The draft of a file that the schema has found right: what `readDraft` gives for it, without reading each value again. `services` are theirs. */
export function draftOf(file: ParsedFile, services = file.services.map(draftOfService)): Draft {
  const interfaces = (['public', 'private'] as const).flatMap((side) => {
    const names = file.director[side];
    return typeof names === 'string'
      ? [{ value: names, path: ['director', side], side }]
      : names.map((value, i) => ({ value, path: ['director', side, i], side }));
  });
  const first = interfaces[0]!.value;
  const way = (own: string | undefined, path: Path): Found<string> =>
    own === undefined ? { value: first, path } : { value: own, path: [...path, 'interface'] };
  return {
    interfaces,
    vips: file.vips.map((vip, i) => {
      const path = ['vips', i];
      return {
        path,
        address: { value: vip.address, path: [...path, 'address'] },
        interface: way(vip.interface, path),
        label: optional(vip.label, [...path, 'label']),
      };
    }),
    services,
    masquerade: file.masquerade.map(({ source, interface: own }, i) => {
      const path = ['masquerade', i];
      return { path, source, interface: way(own, path) };
    }),
    sysctls: Object.keys(file.host.sysctls).map((name) => ({
      value: name,
      path: ['host', 'sysctls', name],
      normal: normalSysctlName(name),
    })),
    limits: file.limits,
  };
}

const optional = <T>(value: T | undefined, path: Path) => (value === undefined ? undefined : { value, path });

/** The draft of the service at that place of a file, which the schema has found right. */
export function draftOfService(service: ParsedFile['services'][number], i: number): DraftService {
  const { fwmark, ports, servers, scheduler, scheduler_flags, persistence, sorry_server } = service;
  const path = ['services', i];
  const { protocol, prefix: address, port } = nameIn(service);
  const serverPort = defaultPort(port, ports);
  return {
    path,
    protocol,
    fwmark,
    keys: NAMING_KEYS.filter((key) => service[key] !== undefined),
    hasEngine: persistence?.engine !== undefined,
    ...prefixOf(address),
    hasPort: service.port !== undefined,
    ports: ports?.map((value, j) => ({ value, path: ['services', i, 'ports', j] })),
    scheduler,
    schedulerFlags: scheduler_flags.map((value, j) => ({
      value,
      path: ['services', i, 'scheduler_flags', j],
    })),
    port,
    address: address && {
      value: address.address,
      path: [...path, fwmark === undefined ? 'address' : 'fwmark'],
    },
    isPersistent: persistence !== undefined,
    tcpOptions: TCP_OPTIONS.filter((name) => service[name]),
    isOnePacket: service.one_packet,
    granularity: optional(persistence?.granularity, [...path, 'persistence', 'granularity']),
    checks: draftChecksOf(service.checks, ['services', i, 'checks']),
    hasSlowStart: service.slow_start !== undefined,
    hasSlowStartSteps: service.slow_start_steps !== undefined,
    hasPanicThreshold: service.panic_threshold !== undefined,
    hasFlapDamping: service.flap_damping !== undefined,
    quorum: service.quorum,
    hysteresis: service.hysteresis,
    servers: servers.map((server, j) => ({
      path: ['services', i, 'servers', j],
      address: { value: server.address, path: ['services', i, 'servers', j, 'address'] },
      port: server.port ?? serverPort,
      checks: draftChecksOf(server.checks, ['services', i, 'servers', j, 'checks']),
      upperThreshold: server.upper_threshold,
      lowerThreshold: server.lower_threshold,
    })),
    sorryServer: sorry_server && {
      path: ['services', i, 'sorry_server'],
      address: { value: sorry_server.address, path: ['services', i, 'sorry_server', 'address'] },
      port: sorry_server.port ?? serverPort,
    },
  };
}

/** Reads a draft from a file's plain value; total. `services` are what was read of its list of that name. */
export function readDraft(root: unknown, services = readServices(root)): Draft {
  const interfaces = (['public', 'private'] as const).flatMap((side) => {
    const value = get(get(root, 'director'), side);
    const path = ['director', side];
    const all = Array.isArray(value)
      ? value.map((name, i) => found(interfaceField, name, [...path, i]))
      : [found(interfaceField, value, path)];
    return all.flatMap((name) => (name === undefined ? [] : [{ ...name, side }]));
  });
  const first = interfaces.find((one) => one.side === 'public')?.value;
  const limits = get(root, 'limits');
  return {
    interfaces,
    vips: list(root, 'vips').map(({ value, path }) => ({
      path,
      address: found(hostPrefixField, get(value, 'address'), [...path, 'address']),
      interface: readInterface(value, path, first),
      label: found(labelField, get(value, 'label'), [...path, 'label']),
    })),
    services,
    masquerade: list(root, 'masquerade').map(({ value, path }) => ({
      path,
      source: found(networkField, get(value, 'source'), path)?.value,
      interface: readInterface(value, path, first),
    })),
    sysctls: names(get(get(root, 'host'), 'sysctls')).map((name) => ({
      value: name,
      path: ['host', 'sysctls', name],
      normal: normalSysctlName(name),
    })),
    limits: {
      services: limitFields.services.safeParse(get(limits, 'services')).data ?? DEFAULT_LIMITS.services,
      servers: limitFields.servers.safeParse(get(limits, 'servers')).data ?? DEFAULT_LIMITS.servers,
    },
  };
}

const readServices = (root: unknown): readonly DraftService[] =>
  list(root, 'services').map(({ value, path }) => readService(value, path));

/** Reads a service's draft from its plain value; total. */
export function readService(value: unknown, path: Path): DraftService {
  const isMarked = get(value, 'fwmark') !== undefined;
  // What is meant by it is said; not that it lacks the others.
  const hasOther = get(value, 'mark') !== undefined;
  const name = nameIn({
    protocol: found(protocolField, get(value, 'protocol'), path)?.value,
    address: found(targetField, get(value, 'address'), path)?.value,
    port: found(portField, get(value, 'port'), path)?.value,
    fwmark: isMarked ? (found(fwmarkField, get(value, 'fwmark'), path)?.value ?? 0) : undefined,
    family: found(familyField, get(value, 'family'), path)?.value,
  });
  const { port } = name;
  const prefix = name.prefix && { value: name.prefix, path: [...path, isMarked ? 'fwmark' : 'address'] };
  const hasList = get(value, 'ports') !== undefined;
  const ports = list(value, 'ports', path).flatMap((one) => found(portRangeField, one.value, one.path) ?? []);
  const serverPort = hasList
    ? defaultPort(
        port,
        ports.map((one) => one.value),
      )
    : port;
  const sorry = get(value, 'sorry_server');
  const readServer = (server: Found<unknown>): DraftEndpoint => {
    const own = readEndpoint(server.value, server.path);
    return get(server.value, 'port') === undefined ? { ...own, port: serverPort } : own;
  };
  return {
    path,
    address: prefix && { value: prefix.value.address, path: prefix.path },
    ...prefixOf(prefix?.value),
    port,
    hasPort: get(value, 'port') !== undefined || hasOther,
    ports: hasList ? ports : undefined,
    protocol: name.protocol,
    fwmark: found(fwmarkField, get(value, 'fwmark'), path)?.value,
    keys: NAMING_KEYS.filter(
      (key) => get(value, key) !== undefined || (hasOther && (key === 'protocol' || key === 'address')),
    ),
    hasEngine: get(get(value, 'persistence'), 'engine') !== undefined,
    isPersistent: get(value, 'persistence') !== undefined,
    tcpOptions: TCP_OPTIONS.filter((name) => get(value, name) === true),
    isOnePacket: get(value, 'one_packet') === true,
    granularity: found(granularityField, get(get(value, 'persistence'), 'granularity'), [
      ...path,
      'persistence',
      'granularity',
    ]),
    scheduler: found(schedulerField, get(value, 'scheduler'), path)?.value,
    schedulerFlags: list(value, 'scheduler_flags', path).flatMap(
      (flag) => found(flagField, flag.value, flag.path) ?? [],
    ),
    checks: readDraftChecks(get(value, 'checks'), [...path, 'checks']),
    hasSlowStart: get(value, 'slow_start') !== undefined,
    hasSlowStartSteps: get(value, 'slow_start_steps') !== undefined,
    hasPanicThreshold: get(value, 'panic_threshold') !== undefined,
    hasFlapDamping: get(value, 'flap_damping') !== undefined,
    quorum: found(quorumField, get(value, 'quorum'), path)?.value,
    hysteresis: found(hysteresisField, get(value, 'hysteresis'), path)?.value,
    servers: list(value, 'servers', path).map((server) => ({
      ...readServer(server),
      checks: readDraftChecks(get(server.value, 'checks'), [...server.path, 'checks']),
      upperThreshold: thresholdField.safeParse(get(server.value, 'upper_threshold')).data,
      lowerThreshold: thresholdField.safeParse(get(server.value, 'lower_threshold')).data,
    })),
    sorryServer:
      sorry === undefined ? undefined : readServer({ value: sorry, path: [...path, 'sorry_server'] }),
  };
}

/** The length of a prefix, unless it is a single address. */
function prefixOf(prefix: Prefix | undefined): Pick<DraftService, 'prefixLength'> {
  const isWhole = prefix === undefined || prefix.length === widthOf(familyOf(prefix.address));
  return { prefixLength: isWhole ? undefined : prefix.length };
}

/** The port of a server that has none of its own. */
function defaultPort(port: number | undefined, ports: readonly PortRange[] | undefined): number | undefined {
  if (ports === undefined || ports.length === 0) return port;
  return isOnePort(ports) ? ports[0]!.first : 0;
}

function readEndpoint(value: unknown, path: Path): DraftEndpoint {
  return {
    path,
    address: found(addressField, get(value, 'address'), [...path, 'address']),
    port: found(portField, get(value, 'port'), path)?.value,
  };
}

/** An interface that is left out is the first public one; one that is wrong is unknown. */
function readInterface(value: unknown, path: Path, first: string | undefined): Found<string> | undefined {
  const own = get(value, 'interface');
  if (own !== undefined) return found(interfaceField, own, [...path, 'interface']);
  return first === undefined ? undefined : { value: first, path };
}

function found<T>(field: z.ZodType<T>, value: unknown, path: Path): Found<T> | undefined {
  const result = field.safeParse(value);
  return result.success ? { value: result.data, path } : undefined;
}

function get(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string, unknown>)[key];
}

function list(value: unknown, key: string, path: Path = []): readonly Found<unknown>[] {
  const items = get(value, key);
  return Array.isArray(items) ? items.map((item, i) => ({ value: item, path: [...path, key, i] })) : [];
}

function names(value: unknown): readonly string[] {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
}

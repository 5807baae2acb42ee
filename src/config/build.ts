/** A file that was found right → Config, defaults filled in. */
import { type Address, familyOf, widthOf } from '../core/address/address.ts';
import type { Checks, ServiceChecks } from '../core/model/check.ts';
import type { Config } from '../core/model/config.ts';
import type { DirectorInterface, Side } from '../core/model/host.ts';
import type { Persistence } from '../core/model/persistence.ts';
import { sortRanges } from '../core/model/ports.ts';
import {
  isOnePort,
  type Method,
  optionsOf,
  type RealServer,
  SCHEDULER_FLAGS,
  type SchedulerFlag,
  type ServiceName,
  serviceKey,
  thresholdsOf,
  type VirtualService,
} from '../core/model/service.ts';
import { DEFAULT_SLOW_START_STEPS } from '../core/model/slow-start.ts';
import { DEFAULT_TIMEOUTS, type Timeouts } from '../core/model/state.ts';
import { SYNC_ROLES, type SyncDaemons } from '../core/model/sync-daemon.ts';
import { buildServiceChecks } from './build-checks.ts';
import { nameIn } from './names.ts';
import type { ParsedFile } from './schema.ts';
import { normalSysctlName } from './sysctl.ts';

/** A service that the schema has found right. */
export type ParsedService = ParsedFile['services'][number];

/** How the parts of a service are built; whoever builds again and again may remember what became of them. */
export interface Builders {
  readonly timeouts: (own: ParsedFile['timeouts']) => Timeouts;
  readonly service: (service: ParsedService, timeouts: Timeouts) => VirtualService;
  readonly checks: (service: ParsedService, built: VirtualService) => ServiceChecks | undefined;
}

/** Those that remember nothing. */
export const BUILDERS: Builders = {
  timeouts: (own) => withTimeouts(DEFAULT_TIMEOUTS, own),
  service: buildService,
  checks: buildServiceChecks,
};

/** Builds the configuration; the file has passed the schema and the cross checks. */
export function buildConfig(file: ParsedFile, builders: Builders = BUILDERS): Config {
  const interfaces = [
    ...readSide(file.director.public, 'public'),
    ...readSide(file.director.private, 'private'),
  ];
  const first = interfaces[0]!.name;
  const timeouts = builders.timeouts(file.timeouts);
  const services = file.services.map((service) => builders.service(service, timeouts));
  return {
    dataplane: file.dataplane,
    interfaces,
    forwarding: file.director.forwarding,
    vips: file.vips.map(({ address, interface: holder = first, label }) => ({
      ...address,
      interface: holder,
      ...(label === undefined ? {} : { label }),
    })),
    services,
    checks: checksIn(file, services, builders),
    slowStarts: new Map(
      services.flatMap((service, i) => {
        const { slow_start: duration, slow_start_steps: steps = DEFAULT_SLOW_START_STEPS } =
          file.services[i]!;
        return duration === undefined ? [] : [[serviceKey(service), { duration, steps }] as const];
      }),
    ),
    notify: file.notify,
    syncDaemons: daemonsIn(file),
    masquerade: file.masquerade.map(({ source, interface: way = first }) => ({ source, interface: way })),
    sysctls: new Map(
      Object.entries(file.host.sysctls).map(([name, value]) => [normalSysctlName(name) ?? name, value]),
    ),
    limits: file.limits,
    attach: file.director.attach,
    retireAfterMs: file.director.retire_after,
    lookEveryMs: file.director.look_every,
  };
}

/** The checks of all services that have any. */
function checksIn(file: ParsedFile, services: readonly VirtualService[], { checks }: Builders): Checks {
  return new Map(
    services.flatMap((service, i) => {
      const own = checks(file.services[i]!, service);
      return own === undefined ? [] : [[serviceKey(service), own] as const];
    }),
  );
}

/** `common` are the time-outs of all services. */
function buildService(service: ParsedService, common: Timeouts): VirtualService {
  return {
    ...targetIn(service),
    scheduler: service.scheduler,
    ...flagsIn(service.scheduler_flags),
    timeouts: withTimeouts(common, service.timeouts),
    ...optionsOf(service),
    ...(service.persistence && {
      persistence: withGranularity(service.persistence, targetIn(service).address),
    }),
    servers: service.servers.map(
      ({ address, port = serverPort(service), weight, method, tunnel, ...more }) => ({
        address,
        port,
        weight,
        ...thresholdsOf(more),
        ...methodOf(method ?? service.method, tunnel ?? service.tunnel),
      }),
    ),
    ...(service.sorry_server && {
      sorry_server: {
        address: service.sorry_server.address,
        port: service.sorry_server.port ?? serverPort(service),
      },
    }),
    ...(service.no_server === 'drop' && { no_server: 'drop' }),
    ...(service.on_down === 'reset' && { on_down: 'reset' }),
  };
}

/** Addresses and ports: a prefix and a list are told only where they are more than one of each. */
function targetIn(service: ParsedService): ServiceName {
  const { fwmark, ports } = service;
  const { protocol, prefix, port } = nameIn(service);
  const { address, length } = prefix!;
  const sorted = sortRanges(ports ?? []);
  const [first] = sorted;
  return {
    protocol: protocol!,
    ...(fwmark !== undefined && { fwmark }),
    address,
    port: first?.first ?? port!,
    ...(first !== undefined && !isOnePort(sorted) && { ports: sorted }),
    ...(length < widthOf(familyOf(address)) && { prefix_length: length }),
  };
}

/** What a server's port is where the file does not say: 0 for the one that the client asks for. */
function serverPort(service: ParsedService): number {
  const { port, ports } = targetIn(service);
  return ports === undefined ? port : 0;
}

/** The usual ones are left out. */
function methodOf(method: Method, tunnel: ParsedService['tunnel']): Pick<RealServer, 'method' | 'tunnel'> {
  if (method === 'nat') return {};
  if (method !== 'tunnel' || tunnel === undefined || tunnel.type === 'ipip') return { method };
  const { type, port, checksum } = tunnel;
  return {
    method,
    tunnel: { type, ...(port !== undefined && { port }), ...(checksum !== 'none' && { checksum }) },
  };
}

/** Of those that the file has: by its first private interface unless it says otherwise. */
function daemonsIn({ director, sync_daemons }: ParsedFile): SyncDaemons {
  const [first] = [director.private].flat();
  return new Map(
    SYNC_ROLES.flatMap((role) => {
      const daemon = sync_daemons?.[role];
      if (daemon === undefined) return [];
      const { interface: by = first!, max_length, ...rest } = daemon;
      return [[role, { role, interface: by, ...rest, ...(max_length !== undefined && { max_length }) }]];
    }),
  );
}

/** Flags in their own order; none are left out altogether. */
function flagsIn(given: readonly SchedulerFlag[]): Pick<VirtualService, 'scheduler_flags'> {
  return given.length === 0
    ? {}
    : { scheduler_flags: SCHEDULER_FLAGS.filter((flag) => given.includes(flag)) };
}

function readSide(names: string | readonly string[], side: Side): readonly DirectorInterface[] {
  return [names].flat().map((name) => ({ name, side }));
}

/** By default each client counts by itself. */
function withGranularity(
  {
    timeout,
    granularity,
    expire_quiescent_template: quiescent,
    engine,
  }: NonNullable<ParsedFile['services'][number]['persistence']>,
  address: Address,
): Persistence {
  return {
    timeout,
    granularity: granularity ?? widthOf(familyOf(address)),
    ...(quiescent && { expire_quiescent_template: true }),
    ...(engine && { engine }),
  };
}

function withTimeouts(base: Timeouts, own: ParsedFile['timeouts']): Timeouts {
  const given = Object.entries(own).filter(([, value]) => value !== undefined);
  if (given.length === 0) return base;
  return { ...base, ...Object.fromEntries(given) };
}

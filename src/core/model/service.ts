/** Virtual services and their real servers, in LVS's words. */
import {
  type Endpoint,
  familyOf,
  formatPrefix,
  networkOf,
  parseAddress,
  parsePrefix,
  widthOf,
} from '../address/address.ts';
import { formatFwmark, parseFwmark } from './fwmark.ts';
import type { Persistence } from './persistence.ts';
import { EVERY_PORT, formatPortRange, overlap, type PortRange, parsePortRange, sortRanges } from './ports.ts';
import type { Timeouts } from './state.ts';
import type { Tunnel } from './tunnel.ts';

/** Transport protocols that can be balanced; SCTP by ip_vs alone. */
export const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** What a service goes by: a protocol, or a mark in place of protocol, address and port. */
export const SERVICE_PROTOCOLS = [...PROTOCOLS, 'fwmark'] as const;
export type ServiceProtocol = (typeof SERVICE_PROTOCOLS)[number];

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

/**
 * How packets get to a server: with their addresses rewritten (ipvsadm's -m); as they are, to its MAC address (-g); or as they
 * are, inside others (-i). All but nat are ip_vs's alone: the server has the VIP itself, and answers past the director.
 */
export const METHODS = ['nat', 'direct', 'tunnel'] as const;
export type Method = (typeof METHODS)[number];

/** A server behind a virtual service. The endpoint's family is the service's. */
export interface RealServer extends Endpoint {
  /** 0–65535, relative to the service's other servers; 0 takes no new connections and keeps those it has. */
  readonly weight: number;
  /** It gets no new connections from so many on that it has, as ipvsadm's -x; 1 or more, absent for no such number. */
  readonly upper_threshold?: number;
  /** It gets new ones again from fewer than so many on, as -y; absent: than three quarters of the upper threshold. */
  readonly lower_threshold?: number;
  /** Absent: nat. */
  readonly method?: Exclude<Method, 'nat'>;
  /** Only with the method tunnel; absent: IP in IP. */
  readonly tunnel?: Tunnel;
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
 * A service of several ports, or of a prefix of addresses, is one all the same: they share its scheduler and its clients.
 */
export interface VirtualService extends Endpoint {
  readonly protocol: ServiceProtocol;
  /** Present with the protocol fwmark, 1 – 4,294,967,295: `address` is the family's unspecified one then, and `port` 0. */
  readonly fwmark?: number;
  /** Present in place of a single port: ascending, no two alike or overlapping; `port` is the first of them. */
  readonly ports?: readonly PortRange[];
  /** Present where all addresses that share so many bits with `address`, whose others are 0, belong to the service. */
  readonly prefix_length?: number;
  readonly scheduler: Scheduler;
  /** Flags of this scheduler, in the order of SCHEDULER_FLAGS; left out when there are none. */
  readonly scheduler_flags?: readonly SchedulerFlag[];
  readonly timeouts: Timeouts;
  /** Absent: every connection goes where the scheduler says. */
  readonly persistence?: Persistence;
  /** TCP: a connection may begin with any segment but a reset, as by ip_vs's net.ipv4.vs.sloppy_tcp. */
  readonly sloppy_tcp?: true;
  /** TCP: the stricter table of states, as by ip_vs's net.ipv4.vs.secure_tcp. */
  readonly secure_tcp?: true;
  /** UDP: every packet is scheduled anew and no connection is kept, as by ipvsadm's -o; not with `ports` or a prefix. */
  readonly one_packet?: true;
  /** At most 1,024, no two with the same endpoint, in the order of the configuration. */
  readonly servers: readonly RealServer[];
  /** Takes the connections that none of the servers is there for, and is none of them. */
  readonly sorry_server?: Endpoint;
  /** What becomes of a connection that nobody is there for: refused and answered unless it says otherwise. */
  readonly no_server?: 'drop';
  /** What becomes of the connections of a server that goes down: they stay unless it says otherwise. */
  readonly on_down?: 'reset';
  /**
   * Servers whose connections end: a TCP client is reset when it next sends something, a UDP client's next packet goes to
   * another server. They are down, and among `servers` with weight 0 if at all. Absent when there are none.
   */
  readonly gone?: readonly Endpoint[];
}

/** What may become of the connections of a server that goes down. */
export const ON_DOWN = ['keep', 'reset'] as const;

/** What a service does otherwise with TCP, by ip_vs's names. */
export const TCP_OPTIONS = ['sloppy_tcp', 'secure_tcp'] as const;
export type TcpOption = (typeof TCP_OPTIONS)[number];

/** What a service can have or not. */
export const SERVICE_OPTIONS = [...TCP_OPTIONS, 'one_packet'] as const;
export type ServiceOption = (typeof SERVICE_OPTIONS)[number];

/** The options that a service has, to be spread into what shows it. */
export function optionsOf(of: { readonly [K in ServiceOption]?: boolean | undefined }): {
  readonly [K in ServiceOption]?: true;
} {
  return {
    ...(of.sloppy_tcp && { sloppy_tcp: true }),
    ...(of.secure_tcp && { secure_tcp: true }),
    ...(of.one_packet && { one_packet: true }),
  };
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

/** What of a service names it. */
export type ServiceName = Pick<
  VirtualService,
  'protocol' | 'fwmark' | 'address' | 'port' | 'ports' | 'prefix_length'
>;

/** What packets of a service are sent to. */
export type ServiceTarget = Omit<ServiceName, 'protocol' | 'fwmark'>;

/** Whether a service is of several ports or addresses. */
export function isGroup({ ports, prefix_length }: ServiceTarget): boolean {
  return ports !== undefined || prefix_length !== undefined;
}

/** The ports of a service, ascending. */
export function rangesOf({ port, ports }: Pick<ServiceName, 'port' | 'ports'>): readonly PortRange[] {
  if (ports !== undefined) return ports;
  return port === 0 ? [EVERY_PORT] : [{ first: port, last: port }];
}

/** How many bits a packet's target has to share with the service's address. */
export function lengthOf({ address, prefix_length }: Pick<ServiceName, 'address' | 'prefix_length'>): number {
  return prefix_length ?? widthOf(familyOf(address));
}

/** `203.0.113.100:80`, `203.0.113.100:80,443`, `[2001:db8::/64]:8000-8100`. */
export function formatTarget(target: ServiceTarget): string {
  const { address, port, ports, prefix_length: length } = target;
  const host = length === undefined ? address : formatPrefix({ address, length });
  const at = ports === undefined ? String(port) : ports.map(formatPortRange).join(',');
  return familyOf(address) === 6 ? `[${host}]:${at}` : `${host}:${at}`;
}

/** Reads what `formatTarget` writes, whatever the order of the ports; undefined if the text is anything else. */
export function parseTarget(text: string): ServiceTarget | undefined {
  const [, inside, bare, list = ''] = /^(?:\[([^\]]+)\]|([^:[\]]+)):([\d,-]+)$/.exec(text) ?? [];
  const host = parseHost(inside ?? bare ?? '');
  if (host === undefined || (familyOf(host.address) === 6) !== (inside !== undefined)) return undefined;
  const ranges = list.split(',').map((one) => (one === '0' ? EVERY_PORT : parsePortRange(one)));
  const ports = sortRanges(ranges.filter((one) => one !== undefined));
  const [first] = ports;
  if (first === undefined || ports.length < ranges.length) return undefined;
  if (ports.some((one, i) => i > 0 && overlap(one, ports[i - 1]!))) return undefined;
  return { ...host, port: first.first, ...(isOnePort(ports) ? {} : { ports }) };
}

/** Whether these are what `port` alone says. */
export function isOnePort(ports: readonly PortRange[]): boolean {
  const [first] = ports;
  return ports.length === 1 && (first!.first === first!.last || first!.first === 0);
}

function parseHost(text: string): Pick<ServiceName, 'address' | 'prefix_length'> | undefined {
  const address = parseAddress(text);
  if (address !== undefined) return { address };
  const prefix = parsePrefix(text);
  if (prefix === undefined || networkOf(prefix).address !== prefix.address) return undefined;
  const isWhole = prefix.length === widthOf(familyOf(prefix.address));
  return { address: prefix.address, ...(isWhole ? {} : { prefix_length: prefix.length }) };
}

/** The key of a service: protocol, VIP and port, or prefix and ports; or its mark. */
export function serviceKey(service: ServiceName): ServiceKey {
  if (service.fwmark !== undefined)
    return formatFwmark(service.fwmark, familyOf(service.address)) as ServiceKey;
  return `${service.protocol} ${formatTarget(service)}` as ServiceKey;
}

/** Reads what `serviceKey` writes (and the same with `/` for the space); undefined if it is anything else. */
export function parseServiceKey(text: string): ServiceName | undefined {
  const marked = parseFwmark(text);
  if (marked !== undefined) return { protocol: 'fwmark', ...marked, port: 0 };
  const match = /^(tcp|udp|sctp)[ /](.+)$/.exec(text);
  const target = match === null ? undefined : parseTarget(match[2] ?? '');
  return target === undefined ? undefined : { ...target, protocol: match?.[1] as Protocol };
}

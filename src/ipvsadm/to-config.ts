/** Rules → a configuration of Weir, and word of what of them it has not. */
import { addressBytes, familyOf, formatEndpoint } from '../core/address/address.ts';
import { maskAddress, maskLength, PERSISTENCE_ENGINES } from '../core/model/persistence.ts';
import { MAX_SERVERS, MAX_WEIGHT, SCHEDULERS } from '../core/model/service.ts';
import { DEFAULT_SYNC_GROUP, DEFAULT_SYNC_PORT, DEFAULT_SYNC_TTL } from '../core/model/sync-daemon.ts';
import { CHECKSUMS_OF, type TunnelChecksum } from '../core/model/tunnel.ts';
import type {
  IpvsDaemon,
  IpvsServer,
  IpvsService,
  IpvsServiceId,
  IpvsTunnel,
} from '../dataplane/ipvs/codec/values.ts';
import { ONE_PACKET, PERSISTENT, schedulerFlagsText } from './flags.ts';
import { type RuledService, type Ruleset, serverRuleKey } from './replace.ts';

/** Something that the configuration does not say. */
export interface LeftOut {
  /** Of the rules, from 1; absent for what is not of one line. */
  readonly line?: number;
  readonly text: string;
}

/** What the file says that rules do not. */
export interface ImportOptions {
  /** The director's interfaces. */
  readonly public: string;
  readonly private: string;
  /** Default: ipvs where the rules have what ip_vs alone can do, else whatever there is. */
  readonly dataplane?: 'bpf' | 'ipvs';
}

/** YAML takes most texts as they are; those that begin or end with a colon want quotes. */
const scalar = (text: string): string => (/^:|:$/.test(text) ? `"${text}"` : text);

/** The file's text, and what is left out of it. `lines` are those of `rulesetOf`. */
export function configOf(
  ruleset: Ruleset,
  lines: ReadonlyMap<string, number>,
  options: ImportOptions,
): { readonly text: string; readonly leftOut: readonly LeftOut[] } {
  const leftOut: LeftOut[] = [];
  const dataplane = options.dataplane ?? (wantsIpvs(ruleset) ? 'ipvs' : undefined);
  const services = [...ruleset.services].flatMap(([key, ruled]) => {
    const say = (text: string, of = key) => void leftOut.push({ line: lines.get(of)!, text });
    return serviceText(key, ruled, say, dataplane === 'ipvs');
  });
  if (dataplane !== 'ipvs')
    for (const { state } of ruleset.daemons)
      leftOut.push({ text: `the ${state} sync daemon; that is on \`dataplane: ipvs\` alone` });
  const daemons = dataplane === 'ipvs' ? ruleset.daemons.map(daemonText) : [];
  const { timeouts } = ruleset;
  const times =
    timeouts === undefined
      ? []
      : [
          ['established', timeouts.tcp] as const,
          ['fin_wait', timeouts.tcp_fin] as const,
          ['udp', timeouts.udp] as const,
        ].flatMap(([name, seconds]) => (seconds === 0 ? [] : [`${name}: ${seconds}s`]));
  const text = [
    ...(dataplane === undefined ? [] : [`dataplane: ${dataplane}`]),
    'director:',
    `  public: ${scalar(options.public)}`,
    `  private: ${scalar(options.private)}`,
    '',
    ...(times.length === 0 ? [] : [`timeouts: {${times.join(', ')}}`, '']),
    ...(daemons.length === 0 ? [] : ['sync_daemons:', ...daemons, '']),
    '# The services’ addresses are left to what sets them now; listed under vips, they are set by Weir.',
    ...(services.length === 0 ? ['services: []'] : ['services:', ...services]),
    '',
  ].join('\n');
  return { text, leftOut: leftOut.sort((a, b) => (a.line ?? Infinity) - (b.line ?? Infinity)) };
}

/** Whether the rules have what no other plane can do. */
const wantsIpvs = ({ services, daemons }: Ruleset): boolean =>
  daemons.length > 0 ||
  [...services.values()].some(
    ({ service, servers }) =>
      ipvsOnly(service) !== undefined || [...servers.values()].some(({ forward }) => forward !== 'masq'),
  );

/** What of a service ip_vs alone has, in words. */
function ipvsOnly({ id, pe }: IpvsService): string | undefined {
  if ('fwmark' in id) return 'a firewall mark';
  if (id.protocol === 'sctp') return 'SCTP';
  return pe === undefined ? undefined : `the persistence engine ${pe}`;
}

/** The line of a daemon; what is usual is left out. */
function daemonText(daemon: IpvsDaemon): string {
  const { state, mcast_interface: by, sync_id: id, sync_maxlen: longest } = daemon;
  const { mcast_group: group, mcast_port: port, mcast_ttl: ttl } = daemon;
  const parts = [
    `interface: ${scalar(by)}`,
    ...(id === 0 ? [] : [`sync_id: ${id}`]),
    ...(group === undefined || group === DEFAULT_SYNC_GROUP ? [] : [`group: ${scalar(group)}`]),
    ...(port === undefined || port === DEFAULT_SYNC_PORT ? [] : [`port: ${port}`]),
    ...(ttl === undefined || ttl === DEFAULT_SYNC_TTL ? [] : [`ttl: ${ttl}`]),
    ...(longest === undefined ? [] : [`max_length: ${longest}`]),
  ];
  return `  ${state}: {${parts.join(', ')}}`;
}

type Say = (text: string, of?: string) => void;

/** The lines of a service; none, and word why, where there can be none. */
function serviceText(
  key: string,
  { service, servers }: RuledService,
  say: Say,
  onIpvs: boolean,
): readonly string[] {
  const { id, scheduler, flags } = service;
  const why = impossible(service, onIpvs);
  if (why !== undefined) {
    say(`${key}: ${why}`);
    return [];
  }
  const own = schedulerFlagsText(scheduler, flags);
  const ownFlags = (own ?? '').split(',').filter((flag) => /^[sm]h-/.test(flag));
  if (own !== undefined && ownFlags.join() !== own)
    say(`${key}: -b ${own || 'flag-3'}: ${scheduler} has no such flag`);
  const rows = [...servers.values()].flatMap((server) => serverText(key, service, server, say, onIpvs));
  if (rows.length > MAX_SERVERS) {
    say(`${key}: ${rows.length} servers, of which the first ${MAX_SERVERS} are taken`);
    rows.length = MAX_SERVERS;
  }
  return [
    ...nameText(id),
    `    scheduler: ${scheduler}`,
    ...(ownFlags.length === 0 ? [] : [`    scheduler_flags: [${ownFlags.join(', ')}]`]),
    ...((flags & PERSISTENT) === 0 ? [] : [`    persistence: ${persistenceText(key, service, say)}`]),
    ...((flags & ONE_PACKET) === 0 ? [] : ['    one_packet: true']),
    ...(rows.length === 0 ? ['    servers: []'] : ['    servers:', ...rows]),
  ];
}

/** The lines that name it. */
function nameText(id: IpvsServiceId): readonly string[] {
  if ('fwmark' in id) return [`  - fwmark: ${id.fwmark}`, ...(id.family === 6 ? ['    family: ipv6'] : [])];
  return [`  - protocol: ${id.protocol}`, `    address: ${scalar(id.address)}`, `    port: ${id.port}`];
}

/** Why there is no such service in a configuration. */
function impossible(service: IpvsService, onIpvs: boolean): string | undefined {
  const { id, scheduler, flags, pe } = service;
  const only = ipvsOnly(service);
  if (only !== undefined && !onIpvs) {
    const other = 'fwmark' in id ? '; `ports` and prefixes join services on bpf' : '';
    return `${only}; that is on \`dataplane: ipvs\` alone${other}`;
  }
  if (!SCHEDULERS.some((one) => one === scheduler)) return `there is no scheduler ${scheduler}`;
  if (pe !== undefined && !PERSISTENCE_ENGINES.some((one) => one === pe))
    return `there is no persistence engine ${pe}`;
  if (pe !== undefined && 'protocol' in id && id.protocol !== 'udp')
    return `the persistence engine ${pe} reads UDP alone`;
  if (pe !== undefined && (flags & PERSISTENT) === 0)
    return `the persistence engine ${pe} without persistence (-p) does nothing`;
  if ((flags & ONE_PACKET) !== 0 && (flags & PERSISTENT) !== 0)
    return 'a service of single packets remembers no clients';
  return undefined;
}

function persistenceText(key: string, { netmask, timeout, pe }: IpvsService, say: Say): string {
  let length: number | undefined = typeof netmask === 'number' ? netmask : undefined;
  if (typeof netmask !== 'number') {
    length = maskLength(addressBytes(netmask));
    if (length === 0 || maskAddress(4, length) !== netmask) {
      say(`${key}: -M ${netmask} is not the mask of a prefix of 1 to 32 bits; each client is one by itself`);
      length = 32;
    }
  }
  const isHost = length === (typeof netmask === 'number' ? 128 : 32);
  const engine = pe === undefined ? '' : `, engine: ${pe}`;
  return `{timeout: ${timeout}s${isHost ? '' : `, granularity: ${length}`}${engine}}`;
}

/** How packets get to a server, in words of the configuration. */
const METHODS = { masq: 'nat', route: 'direct', tunnel: 'tunnel', local: 'nat', bypass: 'direct' } as const;

/** By ip_vs's bits; those of both are what it takes for remote ones. */
const checksumOf = ({ flags }: IpvsTunnel): TunnelChecksum =>
  (flags & 2) !== 0 ? 'remote' : flags === 0 ? 'none' : 'full';

/** The keys of a tunnel; none for IP in IP. */
function tunnelText(tunnel: IpvsTunnel): readonly string[] {
  const { type, port } = tunnel;
  const checksum = checksumOf(tunnel);
  if (type === 'ipip') return [];
  const parts = [
    `type: ${type}`,
    ...(port === 0 ? [] : [`port: ${port}`]),
    ...(checksum === 'none' ? [] : [`checksum: ${checksum}`]),
  ];
  return [`tunnel: {${parts.join(', ')}}`];
}

/** Why there is no such server in a configuration. */
function impossibleServer({ id }: IpvsService, server: IpvsServer, onIpvs: boolean): string | undefined {
  const { address, port, forward, tunnel } = server;
  if (forward !== 'masq' && !onIpvs) {
    const how =
      forward === 'tunnel' ? 'by a tunnel (-i)' : 'by direct routing (-g, or none of -m, -g and -i)';
    return `${how}; that is on \`dataplane: ipvs\` alone`;
  }
  if (tunnel !== undefined && !CHECKSUMS_OF[tunnel.type].includes(checksumOf(tunnel)))
    return `by ${tunnel.type}, which has no such checksum`;
  if (familyOf(address) !== ('fwmark' in id ? id.family : familyOf(id.address)))
    return 'a server has an address of its service’s family';
  if (!('fwmark' in id) && id.port === 0 && port !== 0)
    return 'the servers of every port are reached at the port that the client asks for';
  return undefined;
}

/** The line of a server; none, and word why, where there can be none. */
function serverText(
  key: string,
  service: IpvsService,
  server: IpvsServer,
  say: Say,
  onIpvs: boolean,
): readonly string[] {
  const { id } = service;
  const { address, port, weight, forward, tunnel, upper_threshold: upper, lower_threshold: lower } = server;
  const endpoint = formatEndpoint(server);
  const of = serverRuleKey(key, endpoint);
  const servicePort = 'fwmark' in id ? 0 : id.port;
  const why = impossibleServer(service, server, onIpvs);
  if (why !== undefined) {
    say(`${endpoint} of ${key}: ${why}`, of);
    return [];
  }
  if (servicePort !== 0 && port === 0) {
    say(`${endpoint} of ${key}: no port; it is taken for ${servicePort}`, of);
  }
  if (weight > MAX_WEIGHT)
    say(`${endpoint} of ${key}: weight ${weight}; it gets ${MAX_WEIGHT}, the highest`, of);
  const parts = [
    `address: ${scalar(address)}`,
    ...(port === 0 || port === servicePort ? [] : [`port: ${port}`]),
    ...(METHODS[forward] === 'nat' ? [] : [`method: ${METHODS[forward]}`]),
    ...(forward === 'tunnel' && tunnel !== undefined ? tunnelText(tunnel) : []),
    ...(weight === 1 ? [] : [`weight: ${Math.min(weight, MAX_WEIGHT)}`]),
    ...(upper === 0 ? [] : [`upper_threshold: ${upper}`]),
    ...(lower === 0 ? [] : [`lower_threshold: ${lower}`]),
  ];
  return [`      - {${parts.join(', ')}}`];
}

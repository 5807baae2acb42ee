/** Rules → a configuration of Weir, and word of what of them it has not. */
import { addressBytes, familyOf, formatEndpoint } from '../core/address/address.ts';
import { maskAddress, maskLength } from '../core/model/persistence.ts';
import { MAX_SERVERS, MAX_WEIGHT, SCHEDULERS } from '../core/model/service.ts';
import type { IpvsServer, IpvsService, IpvsServiceId } from '../dataplane/ipvs/codec/values.ts';
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
  /** Default: ipvs where a server is not reached by network address translation, else whatever there is. */
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
  const all = [...ruleset.services.values()].flatMap(({ servers }) => [...servers.values()]);
  const dataplane = options.dataplane ?? (all.some(({ forward }) => forward !== 'masq') ? 'ipvs' : undefined);
  const services = [...ruleset.services].flatMap(([key, ruled]) => {
    const say = (text: string, of = key) => void leftOut.push({ line: lines.get(of)!, text });
    return serviceText(key, ruled, say, dataplane === 'ipvs');
  });
  for (const { state } of ruleset.daemons)
    leftOut.push({
      text: `the ${state} sync daemon: Weir does not synchronise connections by ip_vs's protocol`,
    });
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
    '# The services’ addresses are left to what sets them now; listed under vips, they are set by Weir.',
    ...(services.length === 0 ? ['services: []'] : ['services:', ...services]),
    '',
  ].join('\n');
  return { text, leftOut: leftOut.sort((a, b) => (a.line ?? Infinity) - (b.line ?? Infinity)) };
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
  const why = impossible(service);
  if (why !== undefined) {
    say(`${key}: ${why}`);
    return [];
  }
  const { protocol, address, port } = id as Exclude<IpvsServiceId, { readonly fwmark: number }>;
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
    `  - protocol: ${protocol}`,
    `    address: ${scalar(address)}`,
    `    port: ${port}`,
    `    scheduler: ${scheduler}`,
    ...(ownFlags.length === 0 ? [] : [`    scheduler_flags: [${ownFlags.join(', ')}]`]),
    ...((flags & PERSISTENT) === 0 ? [] : [`    persistence: ${persistenceText(key, service, say)}`]),
    ...((flags & ONE_PACKET) === 0 ? [] : ['    one_packet: true']),
    ...(rows.length === 0 ? ['    servers: []'] : ['    servers:', ...rows]),
  ];
}

/** Why there is no such service in a configuration. */
function impossible({ id, scheduler, flags, pe }: IpvsService): string | undefined {
  if ('fwmark' in id) return 'a configuration has no firewall marks; `ports` and prefixes join services';
  if (id.protocol === 'sctp') return 'a configuration has TCP and UDP';
  if (!SCHEDULERS.some((one) => one === scheduler)) return `there is no scheduler ${scheduler}`;
  if (pe !== undefined) return `there is no persistence engine ${pe}`;
  if ((flags & ONE_PACKET) !== 0 && (flags & PERSISTENT) !== 0)
    return 'a service of single packets remembers no clients';
  return undefined;
}

function persistenceText(key: string, { netmask, timeout }: IpvsService, say: Say): string {
  let length: number | undefined = typeof netmask === 'number' ? netmask : undefined;
  if (typeof netmask !== 'number') {
    length = maskLength(addressBytes(netmask));
    if (length === 0 || maskAddress(4, length) !== netmask) {
      say(`${key}: -M ${netmask} is not the mask of a prefix of 1 to 32 bits; each client is one by itself`);
      length = 32;
    }
  }
  const isHost = length === (typeof netmask === 'number' ? 128 : 32);
  return `{timeout: ${timeout}s${isHost ? '' : `, granularity: ${length}`}}`;
}

/** How packets get to a server, in words of the configuration. */
const METHODS = { masq: 'nat', route: 'direct', tunnel: 'tunnel', local: 'nat', bypass: 'direct' } as const;

/** Why there is no such server in a configuration. */
function impossibleServer({ id }: IpvsService, server: IpvsServer, onIpvs: boolean): string | undefined {
  const { address, port, forward, tunnel } = server;
  const servicePort = 'fwmark' in id ? 0 : id.port;
  if (forward !== 'masq' && !onIpvs) {
    const how =
      forward === 'tunnel' ? 'by a tunnel (-i)' : 'by direct routing (-g, or none of -m, -g and -i)';
    return `${how}; that is on \`dataplane: ipvs\` alone`;
  }
  if (tunnel !== undefined && tunnel.type !== 'ipip') return `by ${tunnel.type}; Weir's tunnels are IP in IP`;
  if (!('fwmark' in id) && familyOf(address) !== familyOf(id.address))
    return 'a server has an address of its service’s family';
  if (servicePort === 0 && port !== 0)
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
  const { address, port, weight, forward, upper_threshold: upper, lower_threshold: lower } = server;
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
    ...(weight === 1 ? [] : [`weight: ${Math.min(weight, MAX_WEIGHT)}`]),
    ...(upper === 0 ? [] : [`upper_threshold: ${upper}`]),
    ...(lower === 0 ? [] : [`lower_threshold: ${lower}`]),
  ];
  return [`      - {${parts.join(', ')}}`];
}

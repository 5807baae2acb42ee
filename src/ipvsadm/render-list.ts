/** Listings of services and servers, in the columns of the real ipvsadm. */
import { familyOf } from '../core/address/address.ts';
import type {
  IpvsInfo,
  IpvsService,
  IpvsStats,
  ListedServer,
  ListedService,
} from '../dataplane/ipvs/codec/values.ts';
import type { ListView } from './command.ts';
import { HOST_MASK } from './draft.ts';
import { ONE_PACKET, PERSISTENT, schedulerFlagsText } from './flags.ts';
import { columnLabel, protocolOf, serviceLabel } from './label.ts';
import type { Labels } from './names.ts';
import { formatCounter } from './numbers.ts';

/** A service with its servers, in the order of showing. */
export interface ServiceWithServers {
  readonly service: ListedService;
  readonly servers: readonly ListedServer[];
}

/** What is shown and how. */
export interface ListingOptions {
  readonly view: ListView;
  readonly exact: boolean;
  readonly labels: Labels;
}

const REMOTE = '  -> RemoteAddress:Port';

/** The titles, a line each. */
const TITLES: Readonly<Record<ListView, readonly [string, string]>> = {
  plain: [
    'Prot LocalAddress:Port Scheduler Flags',
    `${REMOTE}           Forward Weight ActiveConn InActConn`,
  ],
  stats: ['Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes', REMOTE],
  rate: ['Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS', REMOTE],
  thresholds: ['Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn ', REMOTE],
  'persistent-conn': [
    'Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn ',
    REMOTE,
  ],
  'tun-info': [
    'Prot LocalAddress:Port Scheduler Flags',
    `${REMOTE}           Forward TunnelInfo    Weight ActiveConn InActConn`,
  ],
};

/** The first line of a full listing. */
export const versionLine = ({ version, conn_tab_size: size }: IpvsInfo): string =>
  `IP Virtual Server version ${version} (size=${size})`;

/** The titles of a listing, a line each. */
export const titles = (view: ListView): readonly string[] => TITLES[view];

/** A line for a service, and one for each of its servers. */
export function* serviceRows(
  { service, servers }: ServiceWithServers,
  options: ListingOptions,
): Generator<string> {
  yield serviceRow(service, options);
  for (const server of servers) yield serverRow(service, server, options);
}

const COUNTED = ['conns', 'inpkts', 'outpkts', 'inbytes', 'outbytes'] as const;
const RATES = ['cps', 'inpps', 'outpps', 'inbps', 'outbps'] as const;

const counters = (stats: IpvsStats, columns: readonly (keyof IpvsStats)[], exact: boolean): string =>
  columns.map((column) => formatCounter(stats[column], exact)).join('');

function serviceRow(service: ListedService, { view, exact, labels }: ListingOptions): string {
  const label = serviceLabel(service.id, labels);
  if (view === 'stats') return label.padEnd(33) + counters(service.stats, COUNTED, exact);
  if (view === 'rate') return label.padEnd(33) + counters(service.stats, RATES, exact);
  return [label, service.scheduler, ...settings(service)].join(' ');
}

/** The mask of a service's persistence; undefined where every client is one of its own. */
export function maskOf({ id, netmask }: IpvsService): string | undefined {
  const isIpv6 = 'fwmark' in id ? id.family === 6 : familyOf(id.address) === 6;
  return netmask === (isIpv6 ? 128 : HOST_MASK) ? undefined : String(netmask);
}

function settings(service: IpvsService): readonly string[] {
  const { scheduler, flags, timeout, pe } = service;
  const own = schedulerFlagsText(scheduler, flags);
  const mask = maskOf(service);
  const persistence =
    (flags & PERSISTENT) === 0
      ? []
      : [
          `persistent ${timeout}`,
          ...(mask === undefined ? [] : [`mask ${mask}`]),
          ...(pe === undefined ? [] : [`pe ${pe}`]),
        ];
  return [
    ...(own === undefined ? [] : [`(${own})`]),
    ...persistence,
    ...((flags & ONE_PACKET) === 0 ? [] : ['ops']),
  ];
}

const FORWARDS = {
  masq: 'Masq',
  local: 'Local',
  tunnel: 'Tunnel',
  route: 'Route',
  bypass: 'Bypass',
} as const;
const CHECKSUMS = ['-c', '+c', 'r+c'];

function tunnelText({ forward, tunnel }: ListedServer): string {
  if (forward !== 'tunnel') return 'n/a';
  const { type, port, flags } = tunnel ?? { type: 'ipip', port: 0, flags: 0 };
  if (type === 'ipip') return type;
  const checksum = CHECKSUMS[flags & 2 ? 2 : flags];
  return type === 'gue' ? `${type}:${port}:${checksum}` : `${type}:${checksum}`;
}

function serverRow(
  { id }: ListedService,
  server: ListedServer,
  { view, exact, labels }: ListingOptions,
): string {
  const { weight, active, inactive, persistent, forward, stats } = server;
  const label = `  -> ${columnLabel(server, protocolOf(id), labels).padEnd(28)}`;
  const connections = [active, inactive].map((one) => String(one).padEnd(10));
  const cells = (...all: readonly string[]) => [label, ...all, ...connections].join(' ');
  switch (view) {
    case 'stats':
      return label + counters(stats, COUNTED, exact);
    case 'rate':
      return label + counters(stats, RATES, exact);
    case 'thresholds':
      return cells(String(server.upper_threshold).padEnd(10), String(server.lower_threshold).padEnd(10));
    case 'persistent-conn':
      return cells(String(weight).padEnd(9), String(persistent).padEnd(11));
    case 'tun-info':
      return cells(FORWARDS[forward].padEnd(7), tunnelText(server).padEnd(13), String(weight).padEnd(6));
    case 'plain':
      return cells(FORWARDS[forward].padEnd(7), String(weight).padEnd(6));
  }
}

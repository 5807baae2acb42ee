/** Listings of time-outs, sync daemons and connections. */
import { addressFromBytes, type Endpoint } from '../core/address/address.ts';
import type { IpvsDaemon, IpvsProtocol, IpvsTimeouts } from '../dataplane/ipvs/codec/values.ts';
import { IPVS_PROTOCOLS } from '../dataplane/ipvs/codec/values.ts';
import { endpointLabel } from './label.ts';
import type { Labels } from './names.ts';

/** `ipvsadm -L --timeout`. */
export const timeoutsLine = ({ tcp, tcp_fin, udp }: IpvsTimeouts): string =>
  `Timeout (tcp tcpfin udp): ${tcp} ${tcp_fin} ${udp}`;

/** `ipvsadm -L --daemon`. */
export function daemonLine(daemon: IpvsDaemon): string {
  const {
    state,
    mcast_interface,
    sync_id,
    sync_maxlen = 0,
    mcast_group = '',
    mcast_port = 0,
    mcast_ttl = 0,
  } = daemon;
  return (
    `${state} sync daemon (mcast=${mcast_interface}, syncid=${sync_id}, maxlen=${sync_maxlen}, ` +
    `group=${mcast_group}, port=${mcast_port}, ttl=${mcast_ttl})`
  );
}

/** A connection, or the template of a client's. */
export interface ListedConnection {
  /** As the kernel calls it, such as `TCP`. */
  readonly protocol: string;
  readonly client: Endpoint;
  readonly virtual: Endpoint;
  readonly server: Endpoint;
  readonly state: string;
  /** Seconds until it ends. */
  readonly expires: number;
  /** What a persistence engine knows it by. */
  readonly engine?: { readonly name: string; readonly data: string };
}

const HEAD =
  'IPVS connection entries\npro expire state       source             virtual            destination';

/** The titles of `ipvsadm -L -c`. */
export const connectionTitles = (engines: boolean): string =>
  engines ? `${HEAD}        pe name          pe_data` : HEAD;

const two = (value: number): string => String(value).padStart(2, '0');

/** A line of `ipvsadm -L -c`. */
export function connectionRow(one: ListedConnection, engines: boolean, labels: Labels): string {
  const { state, expires, engine } = one;
  const known = one.protocol.toLowerCase();
  const protocol = known in IPVS_PROTOCOLS ? (known as IpvsProtocol) : undefined;
  const label = (endpoint: Endpoint) => endpointLabel(endpoint, protocol, labels);
  const server = label(one.server);
  return [
    one.protocol.padEnd(3),
    `${two(Math.floor(expires / 60))}:${two(expires % 60)}`.padEnd(6),
    state.padEnd(11),
    label(one.client).padEnd(18),
    label(one.virtual).padEnd(18),
    engines && engine !== undefined
      ? `${server.padEnd(16)} ${engine.name.padEnd(18)} ${engine.data}`
      : server,
  ].join(' ');
}

function endpoint(address: string, port: string): Endpoint {
  const digits = address.replaceAll(':', '');
  const bytes = Uint8Array.from({ length: digits.length / 2 }, (_, i) =>
    Number.parseInt(digits.slice(i * 2, i * 2 + 2), 16),
  );
  return { address: addressFromBytes(bytes), port: Number.parseInt(port, 16) };
}

/** Reads a line of /proc/net/ip_vs_conn; undefined for its title and for what is cut off. */
export function parseConnection(line: string): ListedConnection | undefined {
  const hex = '([0-9A-Fa-f]{8}|[0-9A-Fa-f:]{39}) ([0-9A-Fa-f]{4})';
  const match = new RegExp(`^(\\w+) +${hex} ${hex} ${hex} (\\S+) +(\\d+)(?: (\\S+) (.*))?`).exec(line);
  if (match === null) return undefined;
  const [, protocol, from, fromPort, to, toPort, server, serverPort, state, expires, name, data] = match;
  return {
    protocol: protocol!,
    client: endpoint(from!, fromPort!),
    virtual: endpoint(to!, toPort!),
    server: endpoint(server!, serverPort!),
    state: state!,
    expires: Number(expires),
    ...(name !== undefined && name !== '' && { engine: { name, data: data ?? '' } }),
  };
}

/** What the family IPVS speaks of, as values in LVS's words. */
import type { Address, Endpoint, Family } from '../../../core/address/address.ts';

/** Protocols that ip_vs balances, by their numbers (IANA). */
export const IPVS_PROTOCOLS = { tcp: 6, udp: 17, sctp: 132 } as const;
export type IpvsProtocol = keyof typeof IPVS_PROTOCOLS;

/** What names a service that packets are told for by their protocol, address and port (0: every port). */
export interface IpvsEndpointId extends Endpoint {
  readonly protocol: IpvsProtocol;
}

/** What names a service that packets are told for by a mark which netfilter has given them. */
export interface IpvsFwmarkId {
  /** 1 – 4,294,967,295. */
  readonly fwmark: number;
  readonly family: Family;
}

export type IpvsServiceId = IpvsEndpointId | IpvsFwmarkId;

/** All that makes a service, but for its servers. */
export interface IpvsService {
  readonly id: IpvsServiceId;
  /** At most 15 bytes; `none` for a service without one. */
  readonly scheduler: string;
  /** IP_VS_SVC_F_* bits. */
  readonly flags: number;
  /** Of a client's persistence, in seconds; meaningless but for persistent services. */
  readonly timeout: number;
  /** Which clients count as one: IPv4, a mask such as 255.255.255.0; IPv6, the length of a prefix, 1 – 128. */
  readonly netmask: Address | number;
  /** The persistence engine, such as `sip`. */
  readonly pe?: string;
}

/** What ip_vs counts, in 64 bits; the rates are its own estimates over some seconds. */
export interface IpvsStats {
  readonly conns: bigint;
  readonly inpkts: bigint;
  readonly outpkts: bigint;
  readonly inbytes: bigint;
  readonly outbytes: bigint;
  /** Connections, packets and bytes a second. */
  readonly cps: bigint;
  readonly inpps: bigint;
  readonly outpps: bigint;
  readonly inbps: bigint;
  readonly outbps: bigint;
}

/** A service as it is listed. */
export interface ListedService extends IpvsService {
  readonly stats: IpvsStats;
}

/** How packets get to a server, in the order of ip_vs's numbers: `ipvsadm -Ln` says Masq, Local, Tunnel, Route. */
export const IPVS_FORWARDS = ['masq', 'local', 'tunnel', 'route', 'bypass'] as const;
export type IpvsForward = (typeof IPVS_FORWARDS)[number];

/** What carries the packets of a tunnel, in the order of ip_vs's numbers. */
export const IPVS_TUNNELS = ['ipip', 'gue', 'gre'] as const;
export type IpvsTunnelType = (typeof IPVS_TUNNELS)[number];

/** How packets are put into a tunnel. */
export interface IpvsTunnel {
  readonly type: IpvsTunnelType;
  /** Of GUE; else 0. */
  readonly port: number;
  /** 0 no checksum, 1 checksum, 2 remote checksum. */
  readonly flags: number;
}

/** A destination, as it is made. */
export interface IpvsServer extends Endpoint {
  readonly forward: IpvsForward;
  /** 0 – 2,147,483,647. */
  readonly weight: number;
  /** 0 for none; so the lower one. */
  readonly upper_threshold: number;
  readonly lower_threshold: number;
  /** Absent: IP in IP, which ip_vs assumes. Listed only of tunnels. */
  readonly tunnel?: IpvsTunnel;
}

/** A destination as it is listed. */
export interface ListedServer extends IpvsServer {
  readonly active: number;
  readonly inactive: number;
  /** Templates that lead to it. */
  readonly persistent: number;
  readonly stats: IpvsStats;
}

/** Which part of the synchronisation a daemon has. */
export const IPVS_DAEMON_STATES = ['master', 'backup'] as const;
export type IpvsDaemonState = (typeof IPVS_DAEMON_STATES)[number];

/** A thread that sends connections to other directors, or takes them from there. */
export interface IpvsDaemon {
  readonly state: IpvsDaemonState;
  /** The interface it speaks by; at most 15 bytes. */
  readonly mcast_interface: string;
  /** 0 – 255. */
  readonly sync_id: number;
  /** Absent ones are the kernel's: as long as the MTU allows, 224.0.0.81, 8848, 1. */
  readonly sync_maxlen?: number;
  readonly mcast_group?: Address;
  readonly mcast_port?: number;
  readonly mcast_ttl?: number;
}

/** ip_vs's three time-outs that can be set, in seconds; 0 leaves one as it is. */
export interface IpvsTimeouts {
  readonly tcp: number;
  readonly tcp_fin: number;
  readonly udp: number;
}

/** What ip_vs says of itself. */
export interface IpvsInfo {
  /** Such as `1.2.1`. */
  readonly version: string;
  /** Rows of the table of connections. */
  readonly conn_tab_size: number;
}

/** For errors: `tcp 203.0.113.100:80`, `fwmark 7`, `fwmark 7 IPv6`. */
export function ipvsServiceText(id: IpvsServiceId): string {
  if ('fwmark' in id) return `fwmark ${id.fwmark}${id.family === 6 ? ' IPv6' : ''}`;
  const { protocol, address, port } = id;
  return `${protocol} ${address.includes(':') ? `[${address}]` : address}:${port}`;
}

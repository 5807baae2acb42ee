/** Weir's services in ip_vs's words, and what of theirs ip_vs has no word for. */
import { type Endpoint, familyOf } from '../../core/address/address.ts';
import { maskAddress } from '../../core/model/persistence.ts';
import {
  isGroup,
  type Method,
  type RealServer,
  type ServiceName,
  type VirtualService,
} from '../../core/model/service.ts';
import type { Tunnel, TunnelChecksum } from '../../core/model/tunnel.ts';
import {
  IP_VS_SVC_F_HASHED,
  IP_VS_SVC_F_ONEPACKET,
  IP_VS_SVC_F_PERSISTENT,
  IP_VS_SVC_F_SCHED1,
  IP_VS_SVC_F_SCHED2,
} from './codec/numbers.ts';
import type {
  IpvsForward,
  IpvsServer,
  IpvsService,
  IpvsServiceId,
  IpvsTimeouts,
  IpvsTunnel,
} from './codec/values.ts';

/** Which of its scheduler's flags each is (IP_VS_SVC_F_SCHED_SH_FALLBACK and its neighbours in linux/ip_vs.h). */
const SCHEDULER_BITS = {
  'sh-fallback': IP_VS_SVC_F_SCHED1,
  'sh-port': IP_VS_SVC_F_SCHED2,
  'mh-fallback': IP_VS_SVC_F_SCHED1,
  'mh-port': IP_VS_SVC_F_SCHED2,
} as const;

/** Whole seconds, rounded up: ip_vs knows no others. */
const seconds = (milliseconds: number): number => Math.ceil(milliseconds / 1000);

/** What ip_vs cannot do of a service, in words; undefined where it can do all. */
export function beyondIpvs(service: VirtualService): string | undefined {
  if (isGroup(service)) return 'ip_vs has no service of several ports or of a prefix of addresses';
  if (service.no_server === 'drop') return 'ip_vs answers a connection that no server is there for';
  return undefined;
}

/** What names a service. */
export function ipvsIdOf({ protocol, fwmark, address, port }: ServiceName): IpvsServiceId {
  if (protocol !== 'fwmark') return { protocol, address, port };
  return { fwmark: fwmark!, family: familyOf(address) };
}

/** The service itself, without its servers. */
export function ipvsServiceOf(service: VirtualService): IpvsService {
  const { persistence, scheduler_flags: flags = [] } = service;
  const family = familyOf(service.address);
  const width = family === 4 ? 32 : 128;
  const length = persistence?.granularity ?? width;
  return {
    id: ipvsIdOf(service),
    scheduler: service.scheduler,
    flags:
      flags.reduce((bits, flag) => bits | SCHEDULER_BITS[flag], 0) |
      (persistence === undefined ? 0 : IP_VS_SVC_F_PERSISTENT) |
      (service.one_packet ? IP_VS_SVC_F_ONEPACKET : 0),
    timeout: persistence === undefined ? 0 : seconds(persistence.timeout),
    netmask: family === 4 ? maskAddress(4, length) : length,
    ...(persistence?.engine && { pe: persistence.engine }),
  };
}

/** ip_vs's words for the methods. */
const FORWARDS = { nat: 'masq', direct: 'route', tunnel: 'tunnel' } as const satisfies Record<
  Method,
  IpvsForward
>;

/** ip_vs's bits for the checksums (IP_VS_TUNNEL_ENCAP_FLAG_* in linux/ip_vs.h). */
const CHECKSUM_BITS: Readonly<Record<TunnelChecksum, number>> = { none: 0, full: 1, remote: 2 };

const ipvsTunnelOf = ({ type, port = 0, checksum }: Tunnel): IpvsTunnel => ({
  type,
  port,
  flags: CHECKSUM_BITS[checksum ?? 'none'],
});

/** A destination to be. */
function ipvsServerOf(server: Endpoint, weight: number, limits: Partial<RealServer> = {}): IpvsServer {
  const { upper_threshold = 0, lower_threshold = 0, method = 'nat', tunnel } = limits;
  const { address, port } = server;
  return {
    address,
    port,
    forward: FORWARDS[method],
    weight,
    upper_threshold,
    lower_threshold,
    ...(method === 'tunnel' && tunnel !== undefined && { tunnel: ipvsTunnelOf(tunnel) }),
  };
}

/**
 * The destinations of a service, in its order. ip_vs has no sorry server: where no other can take new connections, it is
 * a destination like any other, as keepalived does it, and else it is none. A server whose connections are to end is none,
 * whatever its weight is.
 */
export function ipvsServersOf(
  service: Pick<VirtualService, 'servers' | 'sorry_server' | 'gone'>,
): readonly IpvsServer[] {
  const { servers, sorry_server: sorry } = service;
  const own = servers
    .filter((server) => !isGone(service, server))
    .map((server) => ipvsServerOf(server, server.weight, server));
  const isServed = servers.some(({ weight }) => weight > 0);
  return sorry === undefined || isServed ? own : [...own, ipvsServerOf(sorry, 1)];
}

/** Whether the connections of a server are to end. */
export const isGone = ({ gone = [] }: Pick<VirtualService, 'gone'>, server: Endpoint): boolean =>
  gone.some(({ address, port }) => address === server.address && port === server.port);

/** The time-outs that a service asks of ip_vs, which has one of each for all services: those of its protocol; 0 for the others. */
export function ipvsTimeoutsOf({
  protocol,
  timeouts,
}: Pick<VirtualService, 'protocol' | 'timeouts'>): IpvsTimeouts {
  const tcp = { tcp: seconds(timeouts.established), tcp_fin: seconds(timeouts.fin_wait), udp: 0 };
  const udp = { tcp: 0, tcp_fin: 0, udp: seconds(timeouts.udp) };
  // Those of SCTP cannot be set; what is marked may be anything.
  return { tcp, udp, sctp: { tcp: 0, tcp_fin: 0, udp: 0 }, fwmark: { ...tcp, udp: udp.udp } }[protocol];
}

/** Whether two services are alike to ip_vs, but for its own mark of those that it has. */
export function equalIpvsService(a: IpvsService, b: IpvsService): boolean {
  const own = ~IP_VS_SVC_F_HASHED;
  const isPersistent = (a.flags & IP_VS_SVC_F_PERSISTENT) !== 0;
  return (
    a.scheduler === b.scheduler &&
    (a.flags & own) === (b.flags & own) &&
    a.pe === b.pe &&
    // Without persistence neither means anything; ipvsadm leaves other values there than others do.
    (!isPersistent || (a.timeout === b.timeout && a.netmask === b.netmask))
  );
}

/** Whether two destinations of one endpoint are alike. */
export function equalIpvsServer(a: IpvsServer, b: IpvsServer): boolean {
  const tunnelText = ({ tunnel }: IpvsServer) => JSON.stringify(tunnel ?? PLAIN_TUNNEL);
  return (
    a.forward === b.forward &&
    a.weight === b.weight &&
    a.upper_threshold === b.upper_threshold &&
    a.lower_threshold === b.lower_threshold &&
    (a.forward !== 'tunnel' || tunnelText(a) === tunnelText(b))
  );
}

/** What ip_vs makes a tunnel that nobody has said more of. */
const PLAIN_TUNNEL = { type: 'ipip', port: 0, flags: 0 } as const;

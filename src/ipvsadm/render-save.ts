/** Rules that make what there is, as `ipvsadm -S` prints them. */
import type {
  IpvsDaemon,
  IpvsServer,
  IpvsService,
  IpvsServiceId,
  IpvsTimeouts,
} from '../dataplane/ipvs/codec/values.ts';
import { ONE_PACKET, PERSISTENT, schedulerFlagsText } from './flags.ts';
import { endpointLabel, protocolOf } from './label.ts';
import type { Labels } from './names.ts';
import { maskOf } from './render-list.ts';

const SELECTORS = { tcp: '-t', udp: '-u', sctp: '--sctp-service' } as const;
const FORWARDS = { masq: '-m', local: '-m', tunnel: '-i', route: '-g', bypass: '-g' } as const;
const CHECKSUMS = ['--tun-nocsum', '--tun-csum', '--tun-remcsum'];

/** How a service is named: `-t 203.0.113.100:80`, `-f 1 -6`. */
export function selector(id: IpvsServiceId, labels: Labels): string {
  if ('fwmark' in id) return `-f ${id.fwmark | 0}${id.family === 6 ? ' -6' : ''}`;
  return `${SELECTORS[id.protocol]} ${endpointLabel(id, id.protocol, labels)}`;
}

/** The line that makes a service. */
export function serviceRule(service: IpvsService, labels: Labels): string {
  const { id, scheduler, flags, timeout, pe } = service;
  const mask = maskOf(service);
  const own = schedulerFlagsText(scheduler, flags);
  return [
    `-A ${selector(id, labels)} -s ${scheduler}`,
    ...((flags & PERSISTENT) === 0 ? [] : [`-p ${timeout}`, ...(mask === undefined ? [] : [`-M ${mask}`])]),
    ...(pe === undefined ? [] : [`--pe ${pe}`]),
    ...((flags & ONE_PACKET) === 0 ? [] : ['-o']),
    ...(own === undefined ? [] : [`-b ${own}`]),
  ].join(' ');
}

/** The line that makes a server; `all`: with its thresholds, which the real one leaves out. */
export function serverRule(id: IpvsServiceId, server: IpvsServer, labels: Labels, all: boolean): string {
  const { forward, weight, tunnel, upper_threshold: upper, lower_threshold: lower } = server;
  return [
    `-a ${selector(id, labels)} -r ${endpointLabel(server, protocolOf(id), labels)} ${FORWARDS[forward]} -w ${weight}`,
    ...(all && upper !== 0 ? [`-x ${upper}`] : []),
    ...(all && lower !== 0 ? [`-y ${lower}`] : []),
    ...(forward !== 'tunnel' ? [] : [`--tun-type ${tunnel?.type ?? 'ipip'}`]),
    ...(tunnel === undefined || forward !== 'tunnel' || tunnel.type === 'ipip'
      ? []
      : [
          ...(tunnel.type === 'gue' ? [`--tun-port ${tunnel.port}`] : []),
          CHECKSUMS[tunnel.flags & 2 ? 2 : tunnel.flags]!,
        ]),
  ].join(' ');
}

/** The line that sets the time-outs, which the real one leaves out. */
export const timeoutsRule = ({ tcp, tcp_fin, udp }: IpvsTimeouts): string => `--set ${tcp} ${tcp_fin} ${udp}`;

/** The line that starts a sync daemon, which the real one leaves out. */
export function daemonRule(daemon: IpvsDaemon): string {
  const { state, mcast_interface: name, sync_id: id } = daemon;
  return [
    `--start-daemon ${state} --mcast-interface ${name} --syncid ${id}`,
    ...(daemon.sync_maxlen === undefined ? [] : [`--sync-maxlen ${daemon.sync_maxlen}`]),
    ...(daemon.mcast_group === undefined ? [] : [`--mcast-group ${daemon.mcast_group}`]),
    ...(daemon.mcast_port === undefined ? [] : [`--mcast-port ${daemon.mcast_port}`]),
    ...(daemon.mcast_ttl === undefined ? [] : [`--mcast-ttl ${daemon.mcast_ttl}`]),
  ].join(' ');
}

/** Config → DesiredState: what should be, with the kernel parameters that a NAT director needs. */
import { familyOf } from '../address/address.ts';
import type { Config } from '../model/config.ts';
import { equalService } from '../model/equal.ts';
import { masqueradeKey, type PlaneKind, vipKey } from '../model/host.ts';
import { type ServiceKey, serviceKey, type VirtualService } from '../model/service.ts';
import { NO_SYNC_DAEMONS } from '../model/sync-daemon.ts';
import type { Weigh } from '../weight/weigh.ts';
import type { DesiredState } from './states.ts';

/**
 * The state that `config` asks for, with each service as `weigh` makes it. A service that is equal to the one in
 * `previous` is that very object, so that the difference of the two can skip it at a glance. `plane` is whose state it is to be,
 * `beside` the other one while it still has connections: the host stays fit for it.
 */
export function compose(
  config: Config,
  previous?: DesiredState,
  weigh: Weigh = (service) => service,
  plane: PlaneKind = 'bpf',
  beside?: PlaneKind,
): DesiredState {
  const isIpvs = plane === 'ipvs';
  return {
    // ip_vs is on every interface by itself, and what it forwards goes by the stack.
    interfaces: new Map(isIpvs ? [] : config.interfaces.map((one) => [one.name, one])),
    forwarding: isIpvs ? 'stack' : config.forwarding,
    services: composeServices(config, previous, weigh),
    vips: new Map(config.vips.map((vip) => [vipKey(vip), vip])),
    masquerade: new Map(config.masquerade.map((rule) => [masqueradeKey(rule), rule])),
    // A value that the file gives goes before ours, in the same place of the order.
    sysctls: new Map([
      ...directorSysctls(config, beside === undefined ? [plane] : [beside, plane]),
      ...config.sysctls,
    ]),
    syncDaemons: isIpvs ? config.syncDaemons : NO_SYNC_DAEMONS,
  };
}

/** A loop, not a list of pairs: there may be ten thousand, and a change of one of them is to be quick. */
function composeServices(
  config: Config,
  previous: DesiredState | undefined,
  weigh: Weigh,
): DesiredState['services'] {
  const services = new Map<ServiceKey, VirtualService>();
  for (const configured of config.services) {
    const key = serviceKey(configured);
    const service = weigh(configured);
    const before = previous?.services.get(key);
    services.set(key, before !== undefined && equalService(before, service) ? before : service);
  }
  return services;
}

/**
 * What the kernel must be told for NAT, by Documentation/networking/ip-sysctl.rst. Forwarding stands first: a change
 * of it sets other parameters back to their defaults.
 */
function directorSysctls(
  config: Config,
  planes: readonly PlaneKind[],
): readonly (readonly [string, string])[] {
  const each = config.interfaces.map(({ name }) => `net.ipv4.conf.${sysctlPart(name)}`);
  return [
    // The data plane asks the kernel's routing for the way (a lookup fails where forwarding is off), and masqueraded
    // traffic is forwarded by the stack itself.
    ['net.ipv4.ip_forward', '1'],
    // This stops interfaces with accept_ra = 1 from taking router advertisements, and no other value is chosen for
    // them here, as only the operator knows whether they are wanted: net.ipv6.conf.<interface>.accept_ra = 2 keeps them.
    ...(hasIpv6(config) ? [['net.ipv6.conf.all.forwarding', '1'] as const] : []),
    // Only packets that the data plane leaves to the stack are filtered: the director's own and the masqueraded ones.
    // Strict filtering (1) would drop those of them that come in by another of several uplinks than the way back;
    // loose (2) still drops sources to which there is no way at all. The higher of "all" and the interface's own
    // value counts, so "all", which concerns other interfaces too, is left alone.
    ...each.map((prefix) => [`${prefix}.rp_filter`, '2'] as const),
    // A redirect would tell servers or clients of a way around the director, and replies that take it are not
    // translated back. Either of "all" and the interface's own value turns redirects on, so both must be off.
    ['net.ipv4.conf.all.send_redirects', '0'],
    ...each.map((prefix) => [`${prefix}.send_redirects`, '0'] as const),
    ...planes.flatMap((plane) => (plane === 'ipvs' ? ipvsSysctls(config) : BPF_SYSCTLS)),
  ];
}

const BPF_SYSCTLS = [
  // A reply that is too large for the way to its client, and may be cut, goes to the stack by lo, already with the VIP
  // for its source: without this the stack takes its own address as a source for an impostor's.
  ['net.ipv4.conf.lo.accept_local', '1'],
] as const;

/** What ip_vs must be told (Documentation/networking/ipvs-sysctl.rst): switches of all services there, of each service here. */
function ipvsSysctls({ services }: Config): readonly (readonly [string, string])[] {
  const isOn = (test: (service: VirtualService) => true | undefined): boolean =>
    services.some((service) => test(service));
  const quiescent = isOn(({ persistence }) => persistence?.expire_quiescent_template);
  return [
    ['net.ipv4.vs.sloppy_tcp', isOn(({ sloppy_tcp }) => sloppy_tcp) ? '1' : '0'],
    // 3: always, and not only while memory is short.
    ['net.ipv4.vs.secure_tcp', isOn(({ secure_tcp }) => secure_tcp) ? '3' : '0'],
    ['net.ipv4.vs.expire_quiescent_template', quiescent ? '1' : '0'],
    // Else the packets of a connection whose server has been taken out vanish until its client gives up.
    ['net.ipv4.vs.expire_nodest_conn', '1'],
  ];
}

function hasIpv6(config: Config): boolean {
  return (
    config.services.some(({ address }) => familyOf(address) === 6) ||
    config.vips.some(({ address }) => familyOf(address) === 6) ||
    config.masquerade.some(({ source }) => familyOf(source.address) === 6)
  );
}

/** An interface's name as a part of a parameter's: a dot in it is written `/` (sysctl(8)). */
function sysctlPart(name: string): string {
  return name.replaceAll('.', '/');
}

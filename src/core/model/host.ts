/** What a director needs of its host: addresses, kernel parameters, masquerading. */
import type { Address, Prefix } from '../address/address.ts';
import { formatPrefix } from '../address/address.ts';

/** Which way an interface looks: clients are on the public side, real servers on the private one. */
export type Side = 'public' | 'private';

/**
 * How balanced packets go on: redirected to their next hop, past the host's netfilter and routing, or by the host's own
 * stack, where its rules see them.
 */
export const FORWARDINGS = ['redirect', 'stack'] as const;
export type Forwarding = (typeof FORWARDINGS)[number];

/** How programs are attached to interfaces: by TCX links (Linux 6.6), by filters under the older clsact, or the first if it is there. */
export const HOW_ATTACHED = ['auto', 'tcx', 'clsact'] as const;
export type HowAttached = (typeof HOW_ATTACHED)[number];

/** Whose tables direct the packets: Weir's own eBPF program, or the kernel's ip_vs. */
export const PLANE_KINDS = ['bpf', 'ipvs'] as const;
export type PlaneKind = (typeof PLANE_KINDS)[number];

/** What can be asked for: one of them, or the first where it is to be had, else the second. */
export const DATAPLANES = ['auto', ...PLANE_KINDS] as const;
export type Dataplane = (typeof DATAPLANES)[number];

/** An interface of the director by name. */
export interface DirectorInterface {
  readonly name: string;
  readonly side: Side;
}

/** A virtual IP: an address that clients connect to, held by one of the director's interfaces. */
export interface Vip extends Prefix {
  readonly interface: string;
  /** IPv4 only: the address label, such as `eth0:0`, at most 15 bytes. */
  readonly label?: string;
}

/** Source NAT for connections that real servers open themselves: from `source`, out by `interface`. */
export interface Masquerade {
  readonly source: Prefix;
  readonly interface: string;
}

/** What names a VIP: `203.0.113.100/24 dev eth0`. */
export function vipKey(vip: Vip): string {
  return `${formatPrefix(vip)} dev ${vip.interface}`;
}

/** What names a masquerade rule: `192.168.1.0/24 out eth0`. */
export function masqueradeKey(rule: Masquerade): string {
  return `${formatPrefix(rule.source)} out ${rule.interface}`;
}

/** An address that a host's interface holds, as observed. */
export interface HostAddress extends Prefix {
  readonly address: Address;
  readonly interface: string;
  readonly label?: string;
}

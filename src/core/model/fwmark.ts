/** Services by firewall mark: packets are theirs that netfilter has marked so, whatever their protocol, address and port. ip_vs's alone. */
import type { Address, Family } from '../address/address.ts';

/** The highest mark. */
export const MAX_FWMARK = 4_294_967_295;

/** What stands for the address of such a service: the family's unspecified one. */
export function unspecified(family: Family): Address {
  return (family === 4 ? '0.0.0.0' : '::') as Address;
}

/** `fwmark 7`, `fwmark 7 IPv6`: the name of such a service. */
export function formatFwmark(fwmark: number, family: Family): string {
  return `fwmark ${fwmark}${family === 6 ? ' IPv6' : ''}`;
}

/** Reads that, with spaces or slashes, and IPv6 in any case; undefined for anything else. */
export function parseFwmark(
  text: string,
): { readonly fwmark: number; readonly address: Address } | undefined {
  const [, digits, six] = /^fwmark[ /](\d{1,10})(?:[ /](ipv6))?$/i.exec(text) ?? [];
  const fwmark = Number(digits);
  if (!(fwmark >= 1 && fwmark <= MAX_FWMARK)) return undefined;
  return { fwmark, address: unspecified(six === undefined ? 4 : 6) };
}

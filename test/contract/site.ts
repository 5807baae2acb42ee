/** The lab's director as packets meet it: interfaces, routes, and the services of these tests. */
import { type Address, addressBytes, parseAddress } from '../../src/core/address/address.ts';
import { sameBytes } from '../../src/core/packet/bytes.ts';
import type { NextHop, RouteQuery } from '../../src/core/packet/world.ts';

/** Reads an address that is known to be one. */
export const at = (text: string): Address => parseAddress(text)!;

/** Numbers and MAC addresses of the director's two interfaces. */
export interface Interfaces {
  readonly public: { readonly ifindex: number; readonly mac: Uint8Array };
  readonly private: { readonly ifindex: number; readonly mac: Uint8Array };
}

/** Directly connected networks: prefix and its length in whole bytes. */
const NETWORKS = [
  { side: 'public', prefix: addressBytes(at('203.0.113.0')).subarray(0, 3) },
  { side: 'private', prefix: addressBytes(at('192.168.1.0')).subarray(0, 3) },
  { side: 'public', prefix: addressBytes(at('2001:db8:113::')).subarray(0, 8) },
  { side: 'private', prefix: addressBytes(at('fd00:192:168:1::')).subarray(0, 8) },
] as const;

/** The director's own addresses: nothing is forwarded to them. */
const OWN = ['203.0.113.1', '192.168.1.1', '2001:db8:113::1', 'fd00:192:168:1::1'].map((text) =>
  addressBytes(at(text)),
);

/** Nothing is forwarded to a network's broadcast address; its own address is a host's like any other since Linux 5.14. */
const isBroadcast = (target: Uint8Array): boolean => target.length === 4 && target[3] === 255;

/** The way to a target as the director's own routes have it: on a link, or nowhere. */
export function siteRoute(interfaces: Interfaces, { target }: RouteQuery): NextHop | undefined {
  if (isBroadcast(target) || OWN.some((own) => sameBytes(own, target))) return undefined;
  // The network's own address, all zeroes behind the prefix, is the routers' (RFC 4291, 2.6.1).
  if (target.length === 16 && target.subarray(8).every((byte) => byte === 0)) return undefined;
  const network = NETWORKS.find(({ prefix }) =>
    prefix.every((byte, i) => target[i] === byte && (target.length === 4) === (prefix.length === 3)),
  );
  return network && { ifindex: interfaces[network.side].ifindex, hop: target, mtu: 1500 };
}

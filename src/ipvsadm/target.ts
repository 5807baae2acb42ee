/** `host[:port]` as ipvsadm reads it. */
import { type Address, addressFromBytes, familyOf, parseAddress } from '../core/address/address.ts';
import type { IpvsProtocol } from '../dataplane/ipvs/codec/values.ts';
import type { Names } from './names.ts';
import { parseInteger } from './numbers.ts';

/** A host, and a port where one was given. */
export interface Target {
  readonly address: Address;
  readonly port?: number;
}

/** What a part of an address may be: decimal, octal with a leading 0, hexadecimal with 0x. */
function partOf(text: string): number | undefined {
  if (/^0[xX][0-9a-fA-F]+$/.test(text)) return Number.parseInt(text, 16);
  if (/^0[0-7]*$/.test(text)) return Number.parseInt(text, 8);
  return /^[1-9]\d*$/.test(text) ? Number(text) : undefined;
}

/** Four decimal parts without leading zeros. */
const PLAIN_IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/** An IPv4 address as inet_aton(3) reads it: one to four parts, of which the last fills what is left. */
export function parseLooseIpv4(text: string): Address | undefined {
  // As nearly all are written.
  if (PLAIN_IPV4.test(text)) return text as Address;
  const parts = text
    .replace(/[ \t\n\v\f\r].*$/s, '')
    .split('.')
    .map(partOf);
  if (parts.length > 4 || parts.some((part) => part === undefined)) return undefined;
  const last = parts.pop()!;
  const left = 4 - parts.length;
  if (parts.some((part) => part! > 255) || last >= 256 ** left) return undefined;
  const tail = Array.from({ length: left }, (_, i) => Math.floor(last / 256 ** (left - 1 - i)) % 256);
  return addressFromBytes(Uint8Array.from([...(parts as number[]), ...tail]));
}

/** An IPv6 address without brackets. Most texts are none, and a hundred thousand of them are soon told apart. */
function parseIpv6(text: string): Address | undefined {
  const address = /^[0-9a-fA-F:.]*:[0-9a-fA-F.]*:[0-9a-fA-F:.]*$/.test(text) ? parseAddress(text) : undefined;
  return address !== undefined && familyOf(address) === 6 ? address : undefined;
}

const hostOf = (text: string, names: Names): Address | undefined => {
  const ipv4 = parseLooseIpv4(text);
  return ipv4 ?? (/^[a-zA-Z0-9_][a-zA-Z0-9_.-]*$/.test(text) ? names.addressOf(text) : undefined);
};

/** `protocol`: of which a port's name is; undefined: names are not understood. */
function portOf(text: string, protocol: IpvsProtocol | undefined, names: Names): number | undefined {
  const number = parseInteger(text, 0, 65535);
  if (number !== undefined || protocol === undefined) return number;
  return names.portOf(text, protocol);
}

/** Reads a target; undefined if it is none. */
export function parseTarget(
  text: string,
  protocol: IpvsProtocol | undefined,
  names: Names,
): Target | undefined {
  const [, inside, outside] = /^\[([^\]]*)\]:(.*)$/s.exec(text) ?? [];
  if (inside !== undefined) {
    const address = parseIpv6(inside);
    // In brackets anything else is a host all the same, but its port is forgotten.
    if (address === undefined) return withPort(hostOf(inside, names), undefined);
    const port = portOf(outside!, protocol, names);
    return port === undefined ? undefined : { address, port };
  }
  const bare = parseIpv6(text);
  if (bare !== undefined) return { address: bare };
  const colon = text.indexOf(':');
  if (colon < 0) return withPort(hostOf(text, names), undefined);
  const port = portOf(text.slice(colon + 1), protocol, names);
  return port === undefined ? undefined : withPort(hostOf(text.slice(0, colon), names), port);
}

const withPort = (address: Address | undefined, port: number | undefined): Target | undefined =>
  address === undefined ? undefined : { address, ...(port !== undefined && { port }) };

/**
 * As much of ICMP's messages as a ping needs (RFC 792, RFC 4443): the echo request, its reply, and the errors that a router
 * or the target itself may send in place of one.
 */
import { type Address, addressFromBytes, type Family } from '../address/address.ts';
import { read16, read32, write16 } from '../packet/bytes.ts';
import { checksumOf } from '../packet/checksum.ts';

/** The header of an echo message, in bytes. */
const HEADER = 8;
const IPPROTO_ICMP = 1;
const IPPROTO_FRAGMENT = 44;
const IPPROTO_ICMPV6 = 58;
const IPV6_HEADER = 40;
const FRAGMENT_HEADER = 8;

/** Types of messages by family: what is sent, and what is listened to. */
export const ECHO_TYPES: Readonly<
  Record<Family, { request: number; reply: number; errors: readonly number[] }>
> = {
  4: { request: 8, reply: 0, errors: [3, 11, 12] },
  6: { request: 128, reply: 129, errors: [1, 2, 3, 4] },
};

/** An echo message; the numbers are 16 bits wide. */
export interface Echo {
  readonly id: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** What a message says of an echo request: it is answered, or it is not and why. */
export type EchoAnswer =
  | { readonly kind: 'reply'; readonly echo: Echo }
  /** `echo` is what the error repeats of the request, whose payload may be cut short. */
  | { readonly kind: 'error'; readonly why: string; readonly echo: Echo; readonly to: Address };

/** The request; ICMPv6's checksum is left to the kernel, which knows the addresses that go into it (RFC 3542, 3.1). */
export function encodeEcho(family: Family, { id, sequence, payload }: Echo): Uint8Array {
  const message = new Uint8Array(HEADER + payload.length);
  message[0] = ECHO_TYPES[family].request;
  write16(message, 4, id);
  write16(message, 6, sequence);
  message.set(payload, HEADER);
  if (family === 4) write16(message, 2, checksumOf(message));
  return message;
}

/** What an ICMP message says of an echo request; undefined where it is about something else. Total. */
export function readEchoAnswer(family: Family, message: Uint8Array): EchoAnswer | undefined {
  const { reply, errors } = ECHO_TYPES[family];
  if (message.length < HEADER) return undefined;
  const [type, code] = message as unknown as [number, number];
  if (type === reply) return { kind: 'reply', echo: echoIn(message) };
  if (!errors.includes(type)) return undefined;
  const quoted = (family === 4 ? quotedIn4 : quotedIn6)(message.subarray(HEADER));
  const echo = quoted && readRequest(family, quoted.message);
  return (
    echo && { kind: 'error', why: errorText(family, type, code, read32(message, 4)), echo, to: quoted.to }
  );
}

/** The echo request that a message begins with; undefined where it is none. */
export function readRequest(family: Family, message: Uint8Array): Echo | undefined {
  return message.length >= HEADER && message[0] === ECHO_TYPES[family].request ? echoIn(message) : undefined;
}

const echoIn = (message: Uint8Array): Echo => ({
  id: read16(message, 4),
  sequence: read16(message, 6),
  payload: message.subarray(HEADER),
});

interface Quoted {
  readonly to: Address;
  readonly message: Uint8Array;
}

function quotedIn4(packet: Uint8Array): Quoted | undefined {
  const header = (packet[0]! & 0x0f) * 4;
  if (packet.length < header + HEADER || header < 20 || packet[9] !== IPPROTO_ICMP) return undefined;
  return { to: addressFromBytes(packet.slice(16, 20)), message: packet.subarray(header) };
}

function quotedIn6(packet: Uint8Array): Quoted | undefined {
  if (packet.length < IPV6_HEADER) return undefined;
  const fragmented = packet[6] === IPPROTO_FRAGMENT;
  const protocol = fragmented ? packet[IPV6_HEADER] : packet[6];
  if (protocol !== IPPROTO_ICMPV6) return undefined;
  const message = packet.subarray(IPV6_HEADER + (fragmented ? FRAGMENT_HEADER : 0));
  return { to: addressFromBytes(packet.slice(24, 40)), message };
}

const PROHIBITED = 'prohibited by a firewall';
/** Destination unreachable by its code (RFC 792, RFC 1812 5.2.7.1; RFC 4443, 3.1). */
const UNREACHABLE: Readonly<Record<Family, Readonly<Record<number, string>>>> = {
  4: {
    ...{ 0: 'network unreachable', 1: 'host unreachable', 2: 'it does not know ICMP', 6: 'network unknown' },
    ...{ 7: 'host unknown', 9: PROHIBITED, 10: PROHIBITED, 13: PROHIBITED },
  },
  6: {
    ...{ 0: 'no route to it', 1: PROHIBITED, 2: 'beyond the scope of the source address' },
    ...{ 3: 'address unreachable', 5: 'the source address is not let through', 6: 'the route rejects it' },
  },
};
/** Destination unreachable: it would have to be cut, and must not be. */
const NEEDS_CUTTING = 4;

/** An error in words; `rest` is the second word of its header. */
export function errorText(family: Family, type: number, code: number, rest: number): string {
  const kind = ECHO_TYPES[family].errors.indexOf(type);
  const v4 = family === 4;
  if (kind === 0) {
    if (v4 && code === NEEDS_CUTTING) return tooLarge(rest & 0xffff);
    return UNREACHABLE[family][code] ?? `unreachable, code ${code}`;
  }
  if (!v4 && kind === 1) return tooLarge(rest);
  if (kind === (v4 ? 1 : 2)) return 'lost on the way: time exceeded';
  return `refused as wrong, code ${code}`;
}

const tooLarge = (mtu: number) => `too large for a link on the way (MTU ${mtu})`;

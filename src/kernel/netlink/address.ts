/** Addresses of interfaces: RTM_GETADDR, RTM_NEWADDR, RTM_DELADDR (RFC 3549, section 3.1.2; linux/if_addr.h). */
import {
  type Address,
  addressBytes,
  addressFromBytes,
  familyOf,
  formatPrefix,
} from '../../core/address/address.ts';
import type { HostAddress, Vip } from '../../core/model/host.ts';
import { unwrap } from './answer.ts';
import { type Attribute, attributeValue, decodeAttributes, encodeAttributes } from './attribute.ts';
import {
  type Decoded,
  decoded,
  LITTLE_ENDIAN,
  malformed,
  readText,
  readU32,
  viewOf,
  zeroTerminated,
} from './bytes.ts';
import { type Message, NLM_F_CREATE, NLM_F_EXCL } from './message.ts';
import type { NetlinkSocket } from './socket.ts';

const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_GETADDR = 22;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_LABEL = 3;
const IFA_FLAGS = 8;
const IFA_F_SECONDARY = 0x01;
const IFA_F_NODAD = 0x02;
/** sizeof(struct ifaddrmsg): u8 family, u8 prefix length, u8 flags, u8 scope, u32 index. */
const IFADDRMSG_LENGTH = 8;
const AF_INET = 2;
const AF_INET6 = 10;

/** An address as the kernel lists it; `interface` is not in the message and comes from the list of links. */
export interface InterfaceAddress {
  readonly address: Address;
  /** 0 – 32 or 0 – 128. */
  readonly length: number;
  readonly ifindex: number;
  /** IPv4 only; the kernel gives the interface's name to an address that was added without a label. */
  readonly label?: string;
  /** IPv4 only: another address of the same subnet came first, and this one goes with it unless promoted. */
  readonly secondary: boolean;
}

/** An address together with its interface. */
export interface PlacedAddress extends InterfaceAddress, HostAddress {}

/** Reads one RTM_NEWADDR message; undefined for a family other than IPv4 and IPv6. */
export function decodeAddress({ payload }: Message): Decoded<InterfaceAddress | undefined> {
  if (payload.length < IFADDRMSG_LENGTH) return malformed('struct ifaddrmsg', 0);
  const view = viewOf(payload);
  const family = view.getUint8(0);
  if (family !== AF_INET && family !== AF_INET6) return decoded(undefined);
  const attributes = decodeAttributes(payload, IFADDRMSG_LENGTH);
  if (!attributes.ok) return attributes;
  // On a point-to-point link IFA_ADDRESS is the other end's and IFA_LOCAL ours (linux/if_addr.h, "Important comment").
  const bytes = attributeValue(attributes.value, IFA_LOCAL) ?? attributeValue(attributes.value, IFA_ADDRESS);
  if (bytes === undefined || bytes.length !== (family === AF_INET ? 4 : 16)) return malformed('address', 0);
  const flags = readU32(attributeValue(attributes.value, IFA_FLAGS)) ?? view.getUint8(2);
  const label = attributeValue(attributes.value, IFA_LABEL);
  return decoded({
    address: addressFromBytes(bytes),
    length: view.getUint8(1),
    ifindex: view.getUint32(4, LITTLE_ENDIAN),
    ...(label === undefined ? {} : { label: readText(label) }),
    // The same bit means "temporary" for IPv6 (IFA_F_TEMPORARY).
    secondary: family === AF_INET && (flags & IFA_F_SECONDARY) !== 0,
  });
}

/**
 * The payload of RTM_NEWADDR and RTM_DELADDR, as `ip addr add ADDRESS/LENGTH dev IF label LABEL` makes it: IFA_LOCAL
 * and IFA_ADDRESS alike, the label, no broadcast address (ip-address(8) sets one only for `brd +`).
 */
export function encodeAddress(vip: Vip, ifindex: number): Uint8Array {
  const ipv6 = familyOf(vip.address) === 6;
  const value = addressBytes(vip.address);
  const attributes: Attribute[] = [
    { type: IFA_LOCAL, value },
    { type: IFA_ADDRESS, value },
  ];
  if (!ipv6 && vip.label !== undefined)
    attributes.push({ type: IFA_LABEL, value: zeroTerminated(vip.label) });
  const tail = encodeAttributes(attributes);
  const payload = new Uint8Array(IFADDRMSG_LENGTH + tail.length);
  const view = viewOf(payload);
  view.setUint8(0, ipv6 ? AF_INET6 : AF_INET);
  view.setUint8(1, vip.length);
  // Duplicate address detection (RFC 4862, section 5.4) would leave a VIP tentative, answering nobody, for a second
  // or more; at a take-over the former holder may even still own it, and the address would then fail for good.
  view.setUint8(2, ipv6 ? IFA_F_NODAD : 0);
  view.setUint32(4, ifindex, LITTLE_ENDIAN);
  payload.set(tail, IFADDRMSG_LENGTH);
  return payload;
}

/** All IPv4 and IPv6 addresses of this network namespace. */
export function dumpAddresses(socket: NetlinkSocket): readonly InterfaceAddress[] {
  const asked = 'list addresses';
  return socket
    .dump({ asked, type: RTM_GETADDR, payload: new Uint8Array(IFADDRMSG_LENGTH) })
    .filter((message) => message.type === RTM_NEWADDR)
    .flatMap((message) => unwrap(asked, decodeAddress(message)) ?? []);
}

/** Adds an address; a `NetlinkError` with EEXIST if the interface has it. */
export function addAddress(socket: NetlinkSocket, vip: Vip, ifindex: number): void {
  const asked = `add ${formatPrefix(vip)} to ${vip.interface}`;
  const flags = NLM_F_CREATE | NLM_F_EXCL;
  socket.change({ asked, type: RTM_NEWADDR, flags, payload: encodeAddress(vip, ifindex) });
}

/** Removes an address; a `NetlinkError` with EADDRNOTAVAIL if the interface has none like it, the label included. */
export function deleteAddress(socket: NetlinkSocket, vip: Vip, ifindex: number): void {
  const asked = `remove ${formatPrefix(vip)} from ${vip.interface}`;
  socket.change({ asked, type: RTM_DELADDR, payload: encodeAddress(vip, ifindex) });
}

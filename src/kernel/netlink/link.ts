/** Network interfaces as the kernel lists them: RTM_GETLINK (RFC 3549, section 3.1.1; linux/rtnetlink.h, linux/if_link.h). */
import { unwrap } from './answer.ts';
import { attributeValue, decodeAttributes, encodeAttributes } from './attribute.ts';
import { type Decoded, decoded, LITTLE_ENDIAN, malformed, readText, readU32, u32, viewOf } from './bytes.ts';
import type { Message } from './message.ts';
import { type NetlinkSocket, withNetlink } from './socket.ts';

const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_EXT_MASK = 29;
/** Leaves the counters out, which are most of an answer's bytes. */
const RTEXT_FILTER_SKIP_STATS = 8;
const IFF_UP = 1;
/** sizeof(struct ifinfomsg): family, pad, u16 type, i32 index, u32 flags, u32 change. */
const IFINFOMSG_LENGTH = 16;

/** ARPHRD_ETHER (linux/if_arp.h): frames begin with an Ethernet header. */
export const ARPHRD_ETHER = 1;

/** A network interface. */
export interface Link {
  readonly name: string;
  /** From 1; unique within a network namespace at any time. */
  readonly ifindex: number;
  /** ARPHRD_* number, such as 1 for Ethernet and 772 for the loopback. */
  readonly type: number;
  /** In bytes; 0 where the device has none. */
  readonly mtu: number;
  /** Set up by its administrator (IFF_UP); a cable need not be in it. */
  readonly up: boolean;
}

/** Reads one RTM_NEWLINK message. */
export function decodeLink({ payload }: Message): Decoded<Link> {
  if (payload.length < IFINFOMSG_LENGTH) return malformed('struct ifinfomsg', 0);
  const attributes = decodeAttributes(payload, IFINFOMSG_LENGTH);
  if (!attributes.ok) return attributes;
  const name = attributeValue(attributes.value, IFLA_IFNAME);
  if (name === undefined) return malformed('link without a name', 0);
  const view = viewOf(payload);
  return decoded({
    name: readText(name),
    ifindex: view.getInt32(4, LITTLE_ENDIAN),
    type: view.getUint16(2, LITTLE_ENDIAN),
    mtu: readU32(attributeValue(attributes.value, IFLA_MTU)) ?? 0,
    up: (view.getUint32(8, LITTLE_ENDIAN) & IFF_UP) !== 0,
  });
}

/** The interfaces over an open socket. */
export function dumpLinks(socket: NetlinkSocket): readonly Link[] {
  const asked = 'list links';
  const filter = encodeAttributes([{ type: IFLA_EXT_MASK, value: u32(RTEXT_FILTER_SKIP_STATS) }]);
  const payload = new Uint8Array(IFINFOMSG_LENGTH + filter.length);
  payload.set(filter, IFINFOMSG_LENGTH);
  return socket
    .dump({ asked, type: RTM_GETLINK, payload })
    .filter((message) => message.type === RTM_NEWLINK)
    .map((message) => unwrap(asked, decodeLink(message)));
}

/** The interfaces of this process's network namespace, in the kernel's order; throws a `KernelError` where that fails. */
export function listLinks(): readonly Link[] {
  return withNetlink(dumpLinks);
}

/** A digest of how this host routes: RTM_GETROUTE, RTM_GETRULE and RTM_GETLINK (linux/rtnetlink.h, linux/fib_rules.h). */
import { createHash } from 'node:crypto';
import { unwrap } from './answer.ts';
import { decodeAttributes, encodeAttributes } from './attribute.ts';
import { type Decoded, decoded, LITTLE_ENDIAN, malformed, u32, viewOf } from './bytes.ts';
import { dumpLinks } from './link.ts';
import type { Message } from './message.ts';
import { type NetlinkSocket, withNetlink } from './socket.ts';

const RTM_NEWROUTE = 24;
const RTM_GETROUTE = 26;
const RTM_NEWRULE = 32;
const RTM_GETRULE = 34;
/** sizeof(struct rtmsg) and of struct fib_rule_hdr, which has the same beginning. */
const RTMSG_LENGTH = 12;
/** What the kernel learnt about one destination (a path MTU, a redirect), not a route that somebody made. */
const RTM_F_CLONED = 0x200;
/** Holds ages and use counts, which change while nothing else does. */
const RTA_CACHEINFO = 12;

/** The bytes of a route that change only when the route does; undefined for an entry that is not a route of its own. */
export function lastingPart({ payload }: Message): Decoded<Uint8Array | undefined> {
  if (payload.length < RTMSG_LENGTH) return malformed('struct rtmsg', 0);
  if ((viewOf(payload).getUint32(8, LITTLE_ENDIAN) & RTM_F_CLONED) !== 0) return decoded(undefined);
  const attributes = decodeAttributes(payload, RTMSG_LENGTH);
  if (!attributes.ok) return attributes;
  const lasting = encodeAttributes(attributes.value.filter(({ type }) => type !== RTA_CACHEINFO));
  return decoded(Uint8Array.from([...payload.subarray(0, RTMSG_LENGTH), ...lasting]));
}

/** A digest that does not depend on the order of the entries: a SHA-256 in hexadecimal. */
export function digestOf(entries: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const line of entries.map((entry) => Buffer.from(entry).toString('hex')).sort())
    hash.update(`${line}\n`);
  return hash.digest('hex');
}

function dumpLasting(
  socket: NetlinkSocket,
  asked: string,
  get: number,
  answer: number,
): readonly Uint8Array[] {
  return socket
    .dump({ asked, type: get, payload: new Uint8Array(RTMSG_LENGTH) })
    .filter((message) => message.type === answer)
    .flatMap((message) => unwrap(asked, lastingPart(message)) ?? []);
}

/** The digest over an open socket. */
export function dumpRoutesDigest(socket: NetlinkSocket): string {
  const routes = dumpLasting(socket, 'list routes', RTM_GETROUTE, RTM_NEWROUTE);
  const rules = dumpLasting(socket, 'list routing rules', RTM_GETRULE, RTM_NEWRULE);
  // A route does not say the MTU of the link that it leads to.
  const links = dumpLinks(socket).map(({ ifindex, mtu }) => Uint8Array.of(...u32(ifindex), ...u32(mtu)));
  return digestOf([...routes, ...rules, ...links]);
}

/**
 * A SHA-256 in hexadecimal of all routing tables and rules, IPv4 and IPv6, and of every link's MTU: it changes when a
 * route or rule is added, removed or changed, or a route's link loses its carrier or gets another MTU. Neighbours are
 * not in it. Takes about a microsecond a route.
 */
export function routesDigest(): string {
  return withNetlink(dumpRoutesDigest);
}

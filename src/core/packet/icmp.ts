/**
 * ICMP errors about a connection of ours reach the one who sent the packet they quote, and quote it as it was sent
 * (RFC 5508, 4.2; RFC 4443, 3): the reference for bpf/icmp.h.
 */
import type { Family } from '../address/address.ts';
import { ETHERNET_HEADER, read16, read32, sameBytes, write16 } from './bytes.ts';
import { changedChecksum } from './checksum.ts';
import { type FlowOfAny, findConnection } from './connection.ts';
import { countPacket, goesByStack } from './forward.ts';
import { findQuoted } from './fragment.ts';
import { rewriteHeader4 } from './nat.ts';
import { connectionOfAnswer, LEAVING } from './one-packet.ts';
import { drop, type Outcome } from './outcome.ts';
import { type Arrival, FRAGMENT } from './parse.ts';
import type { Direction } from './state.ts';
import type { TrackedConnection, World } from './world.ts';

/** Where things lie in an error over a plain IP header, from the beginning of the frame. */
interface Layout {
  readonly header: number;
  readonly icmp: number;
  readonly quoted: number;
  readonly ports: number;
  /** Addresses, from the beginning of an IP header. */
  readonly source: number;
  readonly target: number;
  readonly width: number;
  readonly ttl: number;
  readonly protocol: number;
}

const layout = (header: number, places: Pick<Layout, 'source' | 'target' | 'width' | 'ttl' | 'protocol'>) => {
  const icmp = ETHERNET_HEADER + header;
  return { header, icmp, quoted: icmp + 8, ports: icmp + 8 + header, ...places };
};
const PLAIN: Readonly<Record<Family, Layout>> = {
  4: layout(20, { source: 12, target: 16, width: 4, ttl: 8, protocol: 9 }),
  6: layout(40, { source: 8, target: 24, width: 16, ttl: 7, protocol: 6 }),
};
/** An IPv6 error about a fragment: its header is quoted before the ports, and says the protocol. */
const ABOUT_FRAGMENT: Layout = { ...PLAIN[6], ports: PLAIN[6].ports + 8, protocol: 40 };

/** Other extension headers are not looked behind, neither the error's nor the quoted ones. */
function layoutOf(frame: Uint8Array, family: Family): Layout {
  const { quoted, protocol } = PLAIN[6];
  return family === 6 && frame[quoted + protocol] === FRAGMENT ? ABOUT_FRAGMENT : PLAIN[family];
}

/** The identification of a quoted later fragment, which has no ports. */
function laterId(frame: Uint8Array, at: Layout): number | undefined {
  const { quoted } = at;
  if (at === PLAIN[4])
    return (read16(frame, quoted + 6) & 0x1fff) !== 0 ? read16(frame, quoted + 4) : undefined;
  const isLater = at === ABOUT_FRAGMENT && (read16(frame, quoted + 42) & 0xfff8) !== 0;
  return isLater ? read32(frame, quoted + 44) : undefined;
}

/** Unreachable, source quench, time exceeded, parameter problem (RFC 792). */
const ERRORS4 = [3, 4, 11, 12];
/** Unreachable, too big, time exceeded, parameter problem (RFC 4443, 2.1). */
const ERRORS6 = [1, 2, 3, 4];

/** Whether the header's own length covers the quoted ports and is covered by the frame, and both headers are of the family. */
function isPlausible(frame: Uint8Array, family: Family): boolean {
  const { header, quoted, ports } = layoutOf(frame, family);
  const length =
    family === 4 ? read16(frame, ETHERNET_HEADER + 2) : header + read16(frame, ETHERNET_HEADER + 4);
  const versions = [frame[ETHERNET_HEADER]! >> 4, frame[quoted]! >> 4];
  return (
    versions.every((version) => version === family) &&
    length >= ports + 8 - ETHERNET_HEADER &&
    length <= frame.length - ETHERNET_HEADER
  );
}

function isError4(frame: Uint8Array): boolean {
  const { icmp, quoted } = PLAIN[4];
  const isWhole = (read16(frame, ETHERNET_HEADER + 6) & 0x3fff) === 0;
  const isPlain = (frame[ETHERNET_HEADER]! & 0xf) === 5 && (frame[quoted]! & 0xf) === 5;
  return isWhole && isPlain && ERRORS4.includes(frame[icmp]!);
}

/** What an answer to the quoted packet would look like, if the frame is an error to the one who sent that. */
function answerToQuoted(frame: Uint8Array, family: Family): FlowOfAny | undefined {
  const at = layoutOf(frame, family);
  if (frame.length < at.ports + 8 || !isPlausible(frame, family)) return undefined;
  const isError = family === 4 ? isError4(frame) : ERRORS6.includes(frame[at.icmp]!);
  const address = (offset: number) => frame.slice(offset, offset + at.width);
  const sender = address(at.quoted + at.source);
  if (!isError || !sameBytes(sender, address(ETHERNET_HEADER + at.target))) return undefined;
  return {
    protocol: frame[at.quoted + at.protocol]!,
    source: address(at.quoted + at.target),
    target: sender,
    sourcePort: read16(frame, at.ports + 2),
    targetPort: read16(frame, at.ports),
  };
}

/** Sends an error on to the end that it concerns; undefined when it is about nothing of ours. */
export function translateError(
  world: World,
  { frame, ifindex }: Pick<Arrival, 'frame' | 'ifindex'>,
  direction: Direction,
  family: Family,
  atEgress = false,
): Outcome | undefined {
  const flow = answerToQuoted(frame, family);
  const from = atEgress ? LEAVING : ifindex;
  const connection = flow && connectionOf(world, frame, flow, direction, family, from);
  if (connection === undefined || (atEgress && !connection.byStack)) return undefined;
  const byStack = atEgress || goesByStack(world, connection);
  // A server's is translated where it leaves.
  if (byStack && direction === 'out' && !atEgress) return { action: 'NEXT', frame };
  if (!atEgress && frame[ETHERNET_HEADER + PLAIN[family].ttl]! <= 1)
    return drop(world, 'ttl_exceeded', frame);
  world.verdicts.icmp_translated++;
  // As ip_vs does: an error is a packet of the connection, too.
  const bytes = family === 4 ? read16(frame, ETHERNET_HEADER + 2) : 40 + read16(frame, ETHERNET_HEADER + 4);
  countPacket(connection, bytes, direction);
  const sent = translated(frame, connection, direction, byStack);
  if (byStack) return { action: 'NEXT', frame: sent };
  return {
    action: 'REDIRECT',
    frame: sent,
    way: direction === 'in' ? connection.toServer : connection.toClient,
  };
}

/** The connection by the quoted ports, or by the first fragment of which a later one is quoted. */
function connectionOf(
  world: World,
  frame: Uint8Array,
  answer: FlowOfAny,
  direction: Direction,
  family: Family,
  from: number | typeof LEAVING,
): TrackedConnection | undefined {
  const id = laterId(frame, layoutOf(frame, family));
  // Who has sent the client an answer of a service that keeps no connections nobody knows, unless it was a fragment.
  if (id === undefined)
    return direction === 'in'
      ? findConnection(world, answer, direction)
      : connectionOfAnswer(world, answer, from);
  const { protocol, source, target } = answer;
  return findQuoted(world, { family, protocol, source: target, target: source, id }, direction, from);
}

function translated(
  frame: Uint8Array,
  connection: TrackedConnection,
  direction: Direction,
  keepTtl: boolean,
): Uint8Array {
  const { family } = connection;
  const at = layoutOf(frame, family);
  const sent = frame.slice();
  const isIn = direction === 'in';
  const address = isIn ? connection.server.address : connection.virtual;
  const outer = ETHERNET_HEADER + (isIn ? at.target : at.source);
  const quoted = at.quoted + (isIn ? at.source : at.target);
  if (family === 4) {
    rewriteHeader4(sent, { end: isIn ? 'target' : 'source', address, keepTtl });
    // The quoted header's own checksum makes up for its address: the message's sum sees neither.
    const before = frame.subarray(quoted, quoted + at.width);
    write16(sent, at.quoted + 10, changedChecksum(read16(frame, at.quoted + 10), before, address));
  } else {
    if (!keepTtl) sent[ETHERNET_HEADER + at.ttl]! -= 1;
    sent.set(address, outer);
  }
  sent.set(address, quoted);
  if (laterId(frame, at) === undefined) {
    write16(sent, at.ports, isIn ? connection.serverPort : connection.clientPort);
    write16(sent, at.ports + 2, isIn ? connection.seenPort : connection.virtualPort);
  }
  write16(sent, at.icmp + 2, messageChecksum(frame, sent, family, outer, quoted));
  return sent;
}

/** The message's checksum; over IPv6 it counts the addresses too, the outer one in the pseudo-header. */
function messageChecksum(
  before: Uint8Array,
  after: Uint8Array,
  family: Family,
  outer: number,
  quoted: number,
): number {
  const at = layoutOf(before, family);
  const { icmp, ports, width } = at;
  // A later fragment has none: what stands there does not change.
  const hasPorts = laterId(before, at) === undefined;
  const changing = (frame: Uint8Array): Uint8Array =>
    Uint8Array.of(
      ...(hasPorts ? frame.subarray(ports, ports + 4) : []),
      ...(family === 6 ? frame.subarray(outer, outer + width) : []),
      ...(family === 6 ? frame.subarray(quoted, quoted + width) : []),
    );
  return changedChecksum(read16(before, icmp + 2), changing(before), changing(after));
}

/** Packets in words: from where to where, and what of them a plane may have changed. */
import { type Address, addressFromBytes, formatEndpoint } from '../../src/core/address/address.ts';
import { read16 } from '../../src/core/packet/bytes.ts';
import { checksumsAreRight, reassemble } from '../contract/frames.ts';
import { FLAGS } from './scenario.ts';

const isV6 = (packet: Uint8Array): boolean => packet[0]! >> 4 === 6;
const headerOf = (packet: Uint8Array): number => (isV6(packet) ? 40 : 4 * (packet[0]! & 15));
const protocolOf = (packet: Uint8Array): number => packet[isV6(packet) ? 6 : 9]!;
const ttlOf = (packet: Uint8Array): number => packet[isV6(packet) ? 7 : 8]!;

function addresses(packet: Uint8Array): [Address, Address] {
  const [at, width] = isV6(packet) ? [8, 16] : [12, 4];
  const address = (i: number) => addressFromBytes(packet.slice(at + i * width, at + (i + 1) * width));
  return [address(0), address(1)];
}

const isFragment = (packet: Uint8Array): boolean =>
  isV6(packet) ? packet[6] === 44 : (read16(packet, 6) & 0x3fff) !== 0;

function flagsText(packet: Uint8Array): string {
  const flags = packet[headerOf(packet) + 13]! & 0x17;
  // Resets that answer a SYN acknowledge it.
  if (flags === (FLAGS.RST | FLAGS.ACK)) return 'RST-ACK';
  return Object.entries(FLAGS).find(([, value]) => value === flags)?.[0] ?? `flags ${flags}`;
}

/** An ICMP error: what it says, from whom to whom, and about which packet. */
function errorText(packet: Uint8Array): string {
  const at = headerOf(packet);
  const [source, target] = addresses(packet);
  const quoted = packet.subarray(at + 8);
  const about = quoted.length >= 28 ? endsText(quoted) : 'nothing';
  return `ICMP ${packet[at]}/${packet[at + 1]} ${source} > ${target} about ${about}`;
}

/** `198.51.100.7:4000 > 192.168.1.101:8080`; of the first 8 bytes behind the header, too. */
function endsText(packet: Uint8Array): string {
  const [source, target] = addresses(packet);
  const at = headerOf(packet);
  const ends = [source, target].map((address, i) =>
    formatEndpoint({ address, port: read16(packet, at + 2 * i) }),
  );
  return ends.join(' > ');
}

function wholeText(packet: Uint8Array): string {
  const protocol = protocolOf(packet);
  if (protocol === 1 || protocol === 58) return errorText(packet);
  const size = packet.length - headerOf(packet);
  const kind = protocol === 6 ? flagsText(packet) : `${size - 8} bytes`;
  const sums = checksumsAreRight(packet) ? '' : ' with a wrong checksum';
  return `${kind} ${endsText(packet)} ttl ${ttlOf(packet)}${sums}`;
}

/** What arrived somewhere: `nothing`, or each packet; fragments as the packet that they make up. */
export function packetsText(packets: readonly Uint8Array[]): string {
  const whole = packets.filter((one) => !isFragment(one)).map(wholeText);
  const parts = packets.filter(isFragment);
  if (parts.length > 0) {
    const offset = (one: Uint8Array) =>
      isV6(one) ? read16(one, 42) & 0xfff8 : (read16(one, 6) & 0x1fff) * 8;
    const sorted = [...parts].sort((a, b) => offset(a) - offset(b));
    const made = reassemble(sorted);
    whole.push(wholeText(made));
  }
  return whole.length === 0 ? 'nothing' : whole.join(', ');
}

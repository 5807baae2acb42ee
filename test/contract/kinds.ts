/** Of what kinds a random packet is: a run counts them, and says by that what it has tried. */
import { familyOf } from '../../src/core/address/address.ts';
import { SERVICES } from './event-services.ts';
import { type Event, EXTENSIONS } from './events.ts';

/** An event that is a packet. */
export type PacketEvent = Extract<Event, { kind: 'segment' | 'fragment' | 'error' | 'noise' }>;

type Test = (event: PacketEvent) => boolean;

const family =
  (which: 4 | 6): Test =>
  (event) =>
    (event.kind === 'noise' ? event.family : familyOf(SERVICES[event.service]!.address)) === which;
const protocol =
  (which: 'tcp' | 'udp'): Test =>
  (event) =>
    event.kind !== 'noise' && SERVICES[event.service]!.protocol === which;
const is =
  (kind: PacketEvent['kind']): Test =>
  (event) =>
    event.kind === kind;
const side =
  (which: 'public' | 'private'): Test =>
  (event) =>
    event.side === which;
const piece =
  (...pieces: readonly number[]): Test =>
  (event) =>
    event.kind === 'fragment' && pieces.includes(event.piece);
const quoting =
  (part: string): Test =>
  (event) =>
    event.kind === 'error' && event.part === part;
const onePacket: Test = (event) => event.kind !== 'noise' && SERVICES[event.service]!.one_packet === true;
const damaged =
  (kind: string): Test =>
  (event) =>
    event.kind !== 'noise' && event.damage.some((one) => one.kind === kind);
const optioned: Test = (event) => 'options' in event && event.options > 0;
const extended: Test = (event) => event.kind === 'segment' && event.options in EXTENSIONS;
const tcpFlags =
  (mask: number, wanted: number): Test =>
  (event) =>
    'flags' in event && protocol('tcp')(event) && (event.flags & mask) === wanted;

const both =
  (...tests: readonly Test[]): Test =>
  (event) =>
    tests.every((test) => test(event));
const not =
  (test: Test): Test =>
  (event) =>
    !test(event);

/** Every kind there is, and how to tell it; a packet is of several. */
const KINDS: Readonly<Record<string, Test>> = {
  ...Object.fromEntries(
    ([4, 6] as const).flatMap((version) =>
      (
        [
          ['tcp', both(is('segment'), protocol('tcp'))],
          ['udp', both(is('segment'), protocol('udp'))],
          ['tcp fragment', both(is('fragment'), protocol('tcp'))],
          ['udp fragment', both(is('fragment'), protocol('udp'))],
          ['first fragment', piece(0)],
          ['later fragment', piece(1, 2)],
          ['error about a whole packet', quoting('whole')],
          ['error about a first fragment', quoting('first')],
          ['error about a later fragment', quoting('later')],
          ['noise', is('noise')],
          ['one packet', both(is('segment'), onePacket)],
          ['fragment of one packet', both(is('fragment'), onePacket)],
          ['error about one packet', both(is('error'), onePacket)],
        ] as const
      ).flatMap(([what, test]) =>
        (['public', 'private'] as const).map((where): [string, Test] => [
          `IPv${version} ${what}, ${where}`,
          both(family(version), test, side(where)),
        ]),
      ),
    ),
  ),
  'IPv4 options': both(family(4), is('segment'), optioned),
  'IPv4 options of a fragment': both(family(4), is('fragment'), optioned),
  'IPv6 extension headers': both(family(6), extended),
  'IPv6 extension headers of a fragment': both(family(6), is('fragment'), optioned),
  'IPv6 headers that are not seen through': both(family(6), is('segment'), optioned, not(extended)),
  'not to be cut': (event) => 'dontFragment' in event && event.dontFragment,
  'larger than the way out': (event) => event.kind === 'segment' && event.payload > 1460,
  'on its last hops': (event) => 'ttl' in event && event.ttl < 2,
  SYN: tcpFlags(0x17, 0x02),
  'SYN+ACK': tcpFlags(0x17, 0x12),
  FIN: tcpFlags(0x07, 0x01),
  RST: tcpFlags(0x07, 0x04),
  'a checksum that comes to 0': (event) => event.kind === 'segment' && event.toZero,
  ...Object.fromEntries(
    ['set', 'xor', 'truncate', 'pad', 'checksum', 'length', 'gso'].map((kind) => [
      `damage: ${kind}`,
      damaged(kind),
    ]),
  ),
};

/** Names of all kinds. */
export const KIND_NAMES: readonly string[] = Object.keys(KINDS);

/** Counts a packet under each of its kinds. */
export function countKinds(event: PacketEvent, counts: Record<string, number>): void {
  for (const [name, test] of Object.entries(KINDS)) if (test(event)) counts[name] = (counts[name] ?? 0) + 1;
}

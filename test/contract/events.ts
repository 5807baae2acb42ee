/**
 * Random events of a director's life, as values that can be printed and played again: packets of a few conversations,
 * well-formed and damaged, ICMP errors about them, noise, and time.
 */
import fc from 'fast-check';
import { addressBytes, addressFromBytes, type Endpoint } from '../../src/core/address/address.ts';
import { FORWARDINGS, type Forwarding, type Side } from '../../src/core/model/host.ts';
import type { VirtualService } from '../../src/core/model/service.ts';
import type { Elder } from '../../src/core/packet/world.ts';
import { SERVICES, STEP, VIP4, VIP6 } from './event-services.ts';
import { at } from './site.ts';

/** Ticks that fragments are kept for. */
export const FRAGMENT_TIME = STEP / 2;

/** Client addresses by family: ordinary ones first, then some that nobody can have or that lead elsewhere. */
export const CLIENTS = {
  4: [
    ...['203.0.113.10', '203.0.113.11', '203.0.113.12'],
    ...['203.0.113.1', VIP4, '203.0.113.255', '127.0.0.1', '0.0.0.0', '224.0.0.5', '8.8.8.8', '192.168.1.50'],
  ].map(at),
  6: [
    ...['2001:db8:113::10', '2001:db8:113::11', '2001:db8:113::12'],
    ...['2001:db8:113::1', VIP6, '::1', '::', 'ff02::1', 'fe80::1', '2001:db8:ffff::1', 'fd00:192:168:1::50'],
  ].map(at),
} as const;

/** Client ports that conversations have. */
export const PORTS = [1024, 4000, 40000, 65535, 0, 80];

/** Where a conversation with a service of all ports goes, by the client's port; the first is another service's in IPv6. */
const ANY_PORTS = [80, 443, 53];

/** Where a conversation with a service goes: to one of its ports and addresses, by the client's port and number. */
export function targetOf(service: VirtualService, client: number, port: number): Endpoint {
  const { address, ports, prefix_length } = service;
  const known = ports?.flatMap(({ first, last }) => [first, last]) ?? [service.port || ANY_PORTS];
  const candidates = known.flat();
  const bytes = addressBytes(address);
  if (prefix_length !== undefined) bytes[bytes.length - 1]! += client % 6;
  return { address: addressFromBytes(bytes), port: candidates[port % candidates.length]! };
}

/** Who talks to which service; indices into the lists above. */
export interface Conversation {
  readonly service: number;
  readonly client: number;
  readonly port: number;
}

/** A service when some of its servers are down. */
export function withHealth(service: VirtualService, { down, removed, on_down }: Health): VirtualService {
  const isDown = (i: number) => ((down >> i) & 1) === 1;
  const lost = service.servers.filter((_, i) => isDown(i));
  const servers = service.servers.flatMap((server, i) => {
    if (!isDown(i)) return [server];
    return removed ? [] : [{ ...server, weight: 0 }];
  });
  if (on_down === 'keep') return { ...service, servers };
  const gone = lost.map(({ address, port }) => ({ address, port }));
  return { ...service, servers, on_down, ...(gone.length > 0 && { gone }) };
}

/** One thing done to a frame after it has been written; `recompute` puts an IPv4 header's checksum right again. */
export type Damage =
  | { readonly kind: 'set'; readonly offset: number; readonly byte: number; readonly recompute: boolean }
  | { readonly kind: 'xor'; readonly offset: number; readonly byte: number }
  | { readonly kind: 'truncate'; readonly length: number }
  | { readonly kind: 'pad'; readonly count: number }
  | { readonly kind: 'checksum'; readonly value: number }
  | { readonly kind: 'length'; readonly value: number }
  /** To be cut into segments; without a length of its own it may be longer than one can say. */
  | { readonly kind: 'gso'; readonly lengthless: boolean };

/** A packet of a conversation. */
export interface Segment extends Conversation {
  readonly kind: 'segment';
  readonly side: Side;
  readonly flags: number;
  readonly payload: number;
  readonly ttl: number;
  /** IPv4: not to be cut. */
  readonly dontFragment: boolean;
  /** IPv4: words of options. IPv6: one of EXTENSIONS by its number, or else a single header of this protocol number. */
  readonly options: number;
  /** True for a checksum that is wrong in such a way that it comes to 0 where the packet is forwarded to. */
  readonly toZero: boolean;
  readonly damage: readonly Damage[];
}

/** Extension headers before the transport's, by `options`; length of options 1 – 3 units of 8 bytes. */
export const EXTENSIONS: Readonly<
  Record<number, readonly { readonly kind: number; readonly units: number }[]>
> = {
  1: [{ kind: 0, units: 1 }],
  2: [{ kind: 60, units: 3 }],
  3: [{ kind: 43, units: 1 }],
  4: [
    { kind: 0, units: 2 },
    { kind: 60, units: 1 },
  ],
  5: [
    { kind: 0, units: 1 },
    { kind: 43, units: 3 },
    { kind: 60, units: 1 },
  ],
  6: [60, 60, 60, 60].map((kind) => ({ kind, units: 4 })),
  7: [60, 60, 60, 60, 60].map((kind) => ({ kind, units: 1 })),
  8: [60, 0].map((kind) => ({ kind, units: 1 })),
  9: [{ kind: 44, units: 1 }],
  10: [0, 44].map((kind) => ({ kind, units: 1 })),
  11: [44, 60].map((kind) => ({ kind, units: 1 })),
  12: [{ kind: 60, units: 17 }],
};

/** A piece of a packet of a conversation. */
export interface Fragment extends Conversation {
  readonly kind: 'fragment';
  readonly side: Side;
  readonly flags: number;
  readonly id: number;
  /** Pieces of a payload of so many bytes, a multiple of 8, and which one. */
  readonly size: number;
  readonly piece: 0 | 1 | 2;
  readonly ttl: number;
  readonly dontFragment: boolean;
  /** IPv4: words of options. IPv6: units of 8 bytes of destination options before the fragment header. */
  readonly options: number;
  readonly damage: readonly Damage[];
}

/** An ICMP error about a packet of a conversation that has come through the director to the given side. */
export interface IcmpError extends Conversation {
  readonly kind: 'error';
  readonly side: Side;
  readonly type: number;
  readonly code: number;
  /** What is quoted: a whole packet, or a fragment. */
  readonly part: 'whole' | 'first' | 'later';
  readonly id: number;
  /** Bytes of the packet that are quoted. */
  readonly quoted: number;
  readonly damage: readonly Damage[];
}

/** Servers of a service go down and come up: those whose bit is set are down. */
export interface Health {
  readonly kind: 'health';
  readonly service: number;
  readonly down: number;
  /** What becomes of those that are down: out of the service, or there with weight 0. */
  readonly removed: boolean;
  readonly on_down: 'keep' | 'reset';
}

export type Event =
  | Segment
  | Fragment
  | IcmpError
  | { readonly kind: 'noise'; readonly side: Side; readonly family: 4 | 6; readonly bytes: readonly number[] }
  | { readonly kind: 'wait'; readonly steps: number }
  /** Routes have changed: next hops are forgotten and looked up again. */
  | { readonly kind: 'routes' }
  /** Another plane takes over, or hands back. */
  /** Packets go by the stack from now on, or are redirected. */
  | { readonly kind: 'forwarding'; readonly to: Forwarding }
  | { readonly kind: 'takes_new'; readonly takes: boolean }
  /** ip_vs, behind this plane, leads, finishes what it has, or is gone. */
  | { readonly kind: 'elder'; readonly elder: Elder }
  | { readonly kind: 'sweep' }
  | Health;

const byte = fc.nat(255);
const side = fc.constantFrom<Side>('public', 'private');

const few = (count: number, usual: number): fc.Arbitrary<number> =>
  fc.oneof(
    { weight: 12, arbitrary: fc.nat(usual - 1) },
    { weight: 1, arbitrary: fc.integer({ min: usual, max: count - 1 }) },
  );

const conversation = {
  service: few(SERVICES.length, 10),
  client: few(CLIENTS[4].length, 3),
  port: few(PORTS.length, 2),
};

/** SYN, SYN+ACK, ACK, PSH+ACK, FIN+ACK, FIN, RST, RST+ACK, none, SYN+FIN, SYN+RST. */
const flags = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(0x02, 0x02, 0x02, 0x12, 0x10, 0x10, 0x18, 0x11, 0x04) },
  { weight: 1, arbitrary: fc.constantFrom(0x01, 0x14, 0x00, 0x03, 0x06) },
  { weight: 1, arbitrary: byte },
);

/** Offsets from the beginning of the frame: IP version and length, fragments, TTL, protocol, checksums, data offset. */
const NOTABLE = [
  14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 30, 34, 36, 40, 41, 42, 43, 46, 47, 50, 51, 66,
];

const damage: fc.Arbitrary<Damage> = fc.oneof(
  // TTL, IPv4 then IPv6.
  fc.record({
    kind: fc.constant('set' as const),
    offset: fc.constantFrom(22, 21),
    byte: fc.constantFrom(0, 1, 2, 255),
    recompute: fc.boolean(),
  }),
  // The fragment word (IPv4): more, offset, don't, reserved.
  fc.record({
    kind: fc.constant('set' as const),
    offset: fc.constantFrom(20, 21),
    byte: fc.constantFrom(0x20, 0x40, 0x80, 0x01, 0x1f),
    recompute: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('set' as const),
    offset: fc.constantFrom(...NOTABLE),
    byte,
    recompute: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('xor' as const),
    offset: fc.nat(120),
    byte: fc.integer({ min: 1, max: 255 }),
  }),
  // Somebody else's MAC address, everybody's, another EtherType.
  fc.record({
    kind: fc.constant('xor' as const),
    offset: fc.constantFrom(0, 5, 12, 13),
    byte: fc.integer({ min: 1, max: 255 }),
  }),
  fc.record({ kind: fc.constant('truncate' as const), length: fc.integer({ min: 15, max: 120 }) }),
  fc.record({ kind: fc.constant('pad' as const), count: fc.integer({ min: 1, max: 40 }) }),
  fc.record({
    kind: fc.constant('checksum' as const),
    value: fc.oneof(fc.constantFrom(0, 0xffff), fc.nat(0xffff)),
  }),
  fc.record({
    kind: fc.constant('length' as const),
    value: fc.oneof(fc.constantFrom(0, 8, 19, 20, 27, 28, 39, 40, 41, 0xffff), fc.nat(200)),
  }),
  fc.record({ kind: fc.constant('gso' as const), lengthless: fc.boolean() }),
);
const damages = fc.oneof(
  { weight: 3, arbitrary: fc.constant([]) },
  { weight: 1, arbitrary: fc.array(damage, { minLength: 1, maxLength: 3 }) },
);

/** The usual one first. */
const TTLS = [64, 0, 1, 2, 255];

const segment = fc.record({
  kind: fc.constant('segment' as const),
  side: fc.constantFrom<Side>('public', 'public', 'private'),
  ...conversation,
  flags,
  payload: fc.oneof(fc.constant(0), fc.nat(40), fc.nat(1400), fc.integer({ min: 1420, max: 1500 })),
  ttl: few(TTLS.length, 1).map((i) => TTLS[i]!),
  dontFragment: fc.boolean(),
  options: fc.oneof(
    { weight: 9, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 10 }) },
    { weight: 1, arbitrary: fc.constantFrom(11, 12, 43, 44, 51, 60) },
  ),
  toZero: fc.nat(9).map((n) => n === 0),
  damage: damages,
});

/** Few, so that the pieces of one meet. */
const id = fc.nat(3);

const fragment = fc.record({
  kind: fc.constant('fragment' as const),
  side: fc.constantFrom<Side>('public', 'public', 'private'),
  ...conversation,
  flags,
  id,
  size: fc.oneof(fc.constant(24), fc.constantFrom(8, 16, 160, 1472, 1480, 1488)),
  piece: fc.constantFrom<0 | 1 | 2>(0, 0, 1, 2),
  ttl: few(TTLS.length, 1).map((i) => TTLS[i]!),
  dontFragment: fc.boolean(),
  options: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(10) }),
  damage: damages,
});

const error = fc.record({
  kind: fc.constant('error' as const),
  side,
  ...conversation,
  type: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(1, 2, 3, 4, 11, 12) },
    { weight: 1, arbitrary: byte },
  ),
  code: fc.nat(5),
  part: fc.constantFrom<IcmpError['part']>('whole', 'whole', 'first', 'later'),
  id,
  quoted: fc.oneof(fc.constantFrom(28, 48, 60), fc.nat(80)),
  damage: damages,
});

const noise = fc.record({
  kind: fc.constant('noise' as const),
  side,
  family: fc.constantFrom<4 | 6>(4, 6),
  bytes: fc.array(byte, { minLength: 1, maxLength: 90 }),
});

/** One event; nineteen of twenty are packets. */
export const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 60, arbitrary: segment },
  { weight: 30, arbitrary: fragment },
  { weight: 15, arbitrary: error },
  { weight: 2, arbitrary: noise },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), steps: fc.nat(4) }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'routes' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('forwarding' as const),
      to: fc.constantFrom(...FORWARDINGS),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('elder' as const),
      elder: fc.constantFrom<Elder>('none', 'none', 'none', 'leads', 'finishes'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('takes_new' as const),
      takes: fc.constantFrom(true, true, true, true, true, true, true, false),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'sweep' as const }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('health' as const),
      service: conversation.service,
      down: fc.oneof(fc.constant(0), fc.nat(7)),
      removed: fc.boolean(),
      on_down: fc.constantFrom('reset', 'reset', 'keep'),
    }),
  },
);

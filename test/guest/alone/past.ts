/** Servers that answer past the director: by direct routing, and by tunnels of each kind. */
import { strict as assert } from 'node:assert';
import { addressFromBytes, type Family } from '../../../src/core/address/address.ts';
import { read16, write16 } from '../../../src/core/packet/bytes.ts';
import { checksumOf } from '../../../src/core/packet/checksum.ts';
import { ACK, endsOf, SYN } from '../../contract/conversation.ts';
import { checksumsAreRight, transportPacket } from '../../contract/frames.ts';
import { at } from '../../contract/site.ts';
import { type AloneCase, connectionsOf, countersOf, oneHopOn, type Site } from './case.ts';
import { macOf, type Seen } from './wire.ts';

const CLIENT = { 4: '203.0.113.10', 6: '2001:db8:113::10' } as const;
const VIP = { 4: '203.0.113.100', 6: '2001:db8:113::100' } as const;
const DIRECTOR = { 4: '192.168.1.1', 6: 'fd00:192:168:1::1' } as const;
const NEAR = { 4: '192.168.1.101', 6: 'fd00:192:168:1::101' } as const;
/** Behind a router. */
const FAR = { 4: '10.9.0.1', 6: 'fd00:9::1' } as const;
const ROUTER = { 4: '192.168.1.254', 6: 'fd00:192:168:1::254' } as const;

/** How a server is reached, in the configuration's words; the services of each have a port of their own. */
const KINDS = {
  direct: { port: 8101, keys: 'method: direct' },
  ipip: { port: 8102, keys: 'method: tunnel' },
  gue: { port: 8103, keys: 'method: tunnel, tunnel: {type: gue, port: 6080}' },
  gue_full: { port: 8104, keys: 'method: tunnel, tunnel: {type: gue, port: 6081, checksum: full}' },
  gue_remote: { port: 8105, keys: 'method: tunnel, tunnel: {type: gue, port: 6082, checksum: remote}' },
  gre: { port: 8106, keys: 'method: tunnel, tunnel: {type: gre}' },
  gre_full: { port: 8107, keys: 'method: tunnel, tunnel: {type: gre, checksum: full}' },
} as const;
type Kind = keyof typeof KINDS;
const ALL_KINDS = Object.keys(KINDS) as Kind[];
const TUNNELS = ALL_KINDS.filter((kind) => kind !== 'direct');
const FAMILIES = [4, 6] as const;
const PROTOCOLS = ['tcp', 'udp'] as const;
type Protocol = (typeof PROTOCOLS)[number];

const serverOf = (kind: Kind, family: Family): string => (kind === 'direct' ? NEAR : FAR)[family];

/** A service of each kind, protocol and family; one of two kinds at once; and one whose sorry server stands in. */
export const PAST_SERVICES = [
  ...ALL_KINDS.flatMap((kind) =>
    FAMILIES.flatMap((family) =>
      PROTOCOLS.map(
        (protocol) =>
          `  - {protocol: ${protocol}, address: "${VIP[family]}", port: ${KINDS[kind].port}, ${KINDS[kind].keys}, servers: [{address: "${serverOf(kind, family)}"}]}\n`,
      ),
    ),
  ),
  `  - protocol: tcp
    address: ${VIP[4]}
    port: 8111
    scheduler: rr
    method: direct
    servers: [{address: ${NEAR[4]}}, {address: ${FAR[4]}, method: tunnel, tunnel: {type: gre}}]
  - protocol: tcp
    address: ${VIP[4]}
    port: 8112
    method: direct
    servers: [{address: ${NEAR[4]}, weight: 0}]
    sorry_server: {address: 192.168.1.102, port: 8080}
`,
].join('');

const [UDP, GRE] = [17, 47];
const ipIn = (family: Family): number => (family === 4 ? 4 : 41);

/** An outer header, and what it carries. */
function unwrap(packet: Uint8Array, family: Family): { protocol: number; carried: Uint8Array } {
  assert.equal(packet[0]! >> 4, family);
  const [length, protocol, source] = family === 4 ? [20, 9, 12] : [40, 6, 8];
  const width = family === 4 ? 4 : 16;
  const end = (i: number) => addressFromBytes(packet.subarray(source + i * width, source + (i + 1) * width));
  assert.deepEqual([end(0), end(1)], [DIRECTOR[family], FAR[family]]);
  if (family === 4) assert.equal(checksumOf(packet.subarray(0, length)), 0);
  const whole = read16(packet, family === 4 ? 2 : 4) + (family === 4 ? 0 : length);
  assert.equal(whole, packet.length, 'its length is right');
  return { protocol: packet[protocol]!, carried: packet.subarray(length) };
}

/** Takes the packet out that a tunnel of this kind carries, having looked at all that is around it. */
function takeOut(kind: Kind, packet: Uint8Array, family: Family, inner: Uint8Array): Uint8Array {
  const { protocol, carried } = unwrap(packet, family);
  if (kind === 'ipip') {
    assert.equal(protocol, ipIn(family));
    return carried;
  }
  if (kind.startsWith('gre')) {
    assert.equal(protocol, GRE);
    // RFC 2784, 2: the first bit says that there is a checksum.
    const isSummed = kind === 'gre_full';
    assert.equal(read16(carried, 0), isSummed ? 0x8000 : 0);
    assert.equal(read16(carried, 2), family === 4 ? 0x0800 : 0x86dd);
    if (isSummed) assert.equal(checksumOf(carried), 0);
    return carried.subarray(isSummed ? 8 : 4);
  }
  assert.equal(protocol, UDP);
  assert.deepEqual([read16(carried, 2), read16(carried, 4)], [guePort(kind), carried.length]);
  if (kind === 'gue') assert.equal(read16(carried, 6), 0);
  else {
    assert.notEqual(read16(carried, 6), 0);
    assert.ok(checksumsAreRight(packet));
  }
  const header = carried.subarray(8);
  // draft-ietf-intarea-gue: version, control bit and the options' length in words; protocol; flags.
  assert.equal(header[1], ipIn(family));
  if (kind !== 'gue_remote') {
    assert.deepEqual([header[0], read16(header, 2)], [0, 0]);
    return header.subarray(4);
  }
  // Private flags, of which Linux's first is remote checksum offload (include/net/gue.h): where to start, and where it goes.
  assert.deepEqual([header[0], read16(header, 2), read16(header, 4), read16(header, 6)], [2, 1, 0x8000, 0]);
  const { start, offset } = checksumPlace(inner);
  assert.deepEqual([read16(header, 8), read16(header, 10)], [start, start + offset]);
  return header.subarray(12);
}

const guePort = (kind: Kind): number => ({ gue: 6080, gue_full: 6081, gue_remote: 6082 })[kind as 'gue'];

const protocolOf = (packet: Uint8Array): number => packet[packet[0]! >> 4 === 6 ? 6 : 9]!;

/** Where a packet's transport header starts, and its checksum from there. */
const checksumPlace = (packet: Uint8Array): { start: number; offset: number } => ({
  start: packet[0]! >> 4 === 6 ? 40 : 20,
  offset: protocolOf(packet) === UDP ? 6 : 16,
});

const requestOf = (
  kind: Kind,
  family: Family,
  protocol: Protocol,
  more: { flags?: number; payload?: Uint8Array; dontFragment?: boolean } = {},
): Uint8Array =>
  transportPacket({
    ...{ protocol, source: at(CLIENT[family]), sourcePort: 21_300, ttl: 61 },
    ...{ target: at(VIP[family]), targetPort: KINDS[kind].port, payload: Buffer.from('as it came') },
    ...more,
  });

/** A packet as a client's stack gives it to a device that completes checksums: the pseudo-header's sum in place of its own. */
function unfinished(packet: Uint8Array): Uint8Array {
  const begun = packet.slice();
  const { start, offset } = checksumPlace(begun);
  const addresses = begun.subarray(start === 40 ? 8 : 12, start);
  const length = begun.length - start;
  write16(
    begun,
    start + offset,
    ~checksumOf(addresses, Uint8Array.of(0, protocolOf(begun), length >> 8, length & 0xff)) & 0xffff,
  );
  return begun;
}

/** Sends a request to a service of this kind; what its server is to get has been compared with it. */
async function request({ wires }: Site, kind: Kind, family: Family, whole: Uint8Array): Promise<void> {
  const isUnfinished = kind === 'gue_remote';
  const sent = isUnfinished ? unfinished(whole) : whole;
  const { start, offset } = checksumPlace(sent);
  const seen = isUnfinished
    ? await wires.passUnfinished(sent, start, offset)
    : await wires.pass('public', sent);
  assert.equal(seen.side, 'private');
  const inner = kind === 'direct' ? seen.packet : takeOut(kind, seen.packet, family, sent);
  assert.equal(seen.to, macOf(kind === 'direct' ? NEAR[family] : ROUTER[family]));
  assert.deepEqual(Buffer.from(inner), Buffer.from(oneHopOn(sent)));
}

/** What a tunnel's headers take of the way's 1500 bytes. */
const OVERHEAD: Readonly<Record<Exclude<Kind, 'direct'>, number>> = {
  ...{ ipip: 20, gue: 32, gue_full: 32, gre: 24, gre_full: 28 },
  // What remote checksum offload takes is counted only of packets whose checksum is unfinished.
  gue_remote: 32,
};

const each =
  <T>(of: readonly T[], run: (site: Site, one: T) => Promise<void>) =>
  async (site: Site) => {
    for (const one of of) await run(site, one);
  };

/** Cases, of which each has services or client ports of its own. */
export const PAST_CASES: readonly AloneCase[] = [
  ...ALL_KINDS.map(
    (kind): AloneCase => ({
      name: `${kind}: a request reaches the server as it came, over IPv4 and IPv6`,
      run: each(FAMILIES, async (site, family) => {
        await request(site, kind, family, requestOf(kind, family, 'udp'));
        // No reply is seen here: a connection is established by what the client sends.
        for (const flags of [SYN, ACK, ACK | 8])
          await request(site, kind, family, requestOf(kind, family, 'tcp', { flags }));
        const name = (protocol: Protocol): string =>
          `${protocol} ${family === 6 ? `[${VIP[6]}]` : VIP[4]}:${KINDS[kind].port}`;
        const listed = await connectionsOf(site, name('tcp'));
        assert.deepEqual(
          listed.map(({ state, server }) => [state, server]),
          [['ESTABLISHED', { address: serverOf(kind, family), port: KINDS[kind].port }]],
        );
        assert.equal((await connectionsOf(site, name('udp'))).length, 1);
        const [server] = (await countersOf(site, name('tcp'))).servers;
        const { tunnel } = server!;
        assert.deepEqual(
          [server!.method, tunnel?.type, tunnel?.port, tunnel?.checksum],
          [
            kind === 'direct' ? 'direct' : 'tunnel',
            ['direct', 'ipip'].includes(kind) ? undefined : kind.slice(0, 3),
            guePort(kind),
            kind.split('_')[1],
          ],
        );
      }),
    }),
  ),
  {
    name: 'a client whose packet is too large for a tunnel, and is not to be cut, is told what is left of the way',
    run: each(TUNNELS, async ({ wires }, kind) => {
      const sent = requestOf(kind, 4, 'udp', { payload: new Uint8Array(1472), dontFragment: true });
      const { side, packet } = await wires.pass('public', sent);
      assert.equal(side, 'public');
      assert.deepEqual([packet[9], packet[20], packet[21]], [1, 3, 4], 'fragmentation needed');
      assert.equal(read16(packet, 26), 1500 - OVERHEAD[kind as keyof typeof OVERHEAD], kind);
      assert.deepEqual(endsOf(packet.subarray(28)), endsOf(sent), 'about that packet');
    }),
  },
  {
    name: 'servers of one service may be reached in different ways',
    run: async ({ wires }) => {
      const seen: Seen[] = [];
      for (const sourcePort of [21_310, 21_311]) {
        const to = { target: at(VIP[4]), targetPort: 8111 };
        seen.push(
          await wires.pass(
            'public',
            transportPacket({ protocol: 'tcp', source: at(CLIENT[4]), sourcePort, ...to }),
          ),
        );
      }
      assert.deepEqual(seen.map(({ to, packet }) => `${to} ${packet[9]}`).sort(), [
        `${macOf(NEAR[4])} 6`,
        `${macOf(ROUTER[4])} ${GRE}`,
      ]);
    },
  },
  {
    name: 'the sorry server of a service by direct routing is reached by NAT',
    run: async ({ wires }) => {
      const { to, packet } = await wires.pass(
        'public',
        transportPacket({
          ...{
            protocol: 'tcp',
            source: at(CLIENT[4]),
            sourcePort: 21_320,
            target: at(VIP[4]),
            targetPort: 8112,
          },
        }),
      );
      assert.deepEqual(endsOf(packet).target, { address: '192.168.1.102', port: 8080 });
      assert.equal(to, macOf('192.168.1.102'));
    },
  },
];

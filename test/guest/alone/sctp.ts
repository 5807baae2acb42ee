/** SCTP by NAT: its checksum is a CRC32c over itself alone (RFC 9260, 6.8 and appendix A), and its states are ip_vs's. */
import { strict as assert } from 'node:assert';
import { type Address, type Endpoint, familyOf } from '../../../src/core/address/address.ts';
import { write16, write32 } from '../../../src/core/packet/bytes.ts';
import { endsOf } from '../../contract/conversation.ts';
import { ipPacket, joined } from '../../contract/frames.ts';
import { at } from '../../contract/site.ts';
import { type AloneCase, connectionsOf, type Site } from './case.ts';
import { macOf } from './wire.ts';

/** Two ports and two families; a server at another port, so that a checksum has to be made anew, and one at the same. */
export const SCTP_SERVICES = `  - protocol: sctp
    address: 203.0.113.100
    port: 2905
    scheduler: rr
    servers: [{address: 192.168.1.101}, {address: 192.168.1.102, port: 2906}]
  - protocol: sctp
    address: "2001:db8:113::100"
    port: 2905
    servers: [{address: "fd00:192:168:1::101", port: 2906}]
`;

const SCTP = 132;
/** Chunk types (RFC 9260, 3.2). */
const [DATA, INIT, INIT_ACK, COOKIE_ECHO, COOKIE_ACK] = [0, 1, 2, 10, 11];

/** CRC32c, bit by bit: of Castagnoli's polynomial, the lowest bit first. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f6_3b78 : 0);
  }
  return ~crc >>> 0;
}

const withChecksum = (bytes: Uint8Array): Uint8Array => {
  const whole = bytes.slice();
  write32(whole, 8, 0);
  new DataView(whole.buffer).setUint32(8, crc32c(whole), true);
  return whole;
};

/** A packet of one chunk whose value is made up, which is what a director sees of it. */
function packetOf(source: Endpoint, target: Endpoint, tag: number, type: number, length: number): Uint8Array {
  const header = new Uint8Array(12);
  write16(header, 0, source.port);
  write16(header, 2, target.port);
  write32(header, 4, tag);
  const chunk = Uint8Array.from({ length: 4 + length }, (_, i) => (i * 37) & 0xff);
  chunk.set([type, 3, 0, chunk.length]);
  return ipPacket(
    { source: source.address, target: target.address },
    SCTP,
    withChecksum(joined(header, chunk)),
  );
}

const carriedBy = (packet: Uint8Array): Uint8Array => packet.subarray(packet[0]! >> 4 === 6 ? 40 : 20);

/** The packet's own bytes are what they were but for the ports, and its checksum is right. */
function assertSame(before: Uint8Array, after: Uint8Array): void {
  const [a, b] = [carriedBy(before), carriedBy(after)];
  assert.deepEqual(b, withChecksum(b), 'its CRC32c is right');
  assert.deepEqual([b.subarray(4, 8), b.subarray(12)], [a.subarray(4, 8), a.subarray(12)]);
}

/** An association's first four packets and one with data; gives the server, and what Weir lists after each. */
async function associate(site: Site, client: Endpoint, vip: Address): Promise<[Endpoint, readonly string[]]> {
  const { wires } = site;
  const virtual = { address: vip, port: 2905 };
  let server = virtual;
  const states: string[] = [];
  for (const [side, type, length] of [
    ['public', INIT, 16],
    ['private', INIT_ACK, 40],
    ['public', COOKIE_ECHO, 20],
    ['private', COOKIE_ACK, 0],
    ['public', DATA, 32],
  ] as const) {
    const isAsked = side === 'public';
    const sent = isAsked
      ? packetOf(client, virtual, type === INIT ? 0 : 0x1234_5678, type, length)
      : packetOf(server, client, 0x0bad_cafe, type, length);
    const seen = await wires.pass(side, sent);
    assert.notEqual(seen.side, side);
    const { source, target } = endsOf(seen.packet);
    if (isAsked && type === INIT) server = target;
    assert.deepEqual([source, target], isAsked ? [client, server] : [virtual, client]);
    assert.equal(seen.to, macOf(isAsked ? server.address : client.address));
    assertSame(sent, seen.packet);
    const key = familyOf(vip) === 6 ? `sctp [${vip}]:2905` : `sctp ${vip}:2905`;
    const listed = (await connectionsOf(site, key)).find((one) => one.client.port === client.port);
    states.push(listed?.state ?? 'none');
  }
  return [server, states];
}

/** Named by ip_vs for what it waits for (sctp_states in ip_vs_proto_sctp.c). */
const STATES = ['INIT1', 'C-SENT', 'C-REPLIED', 'ESTABLISHED', 'ESTABLISHED'];

/** Cases, of which each has client ports of its own. */
export const SCTP_CASES: readonly AloneCase[] = [
  {
    name: 'an association goes to a server and comes back from the VIP, its CRC32c right, at the same port and at another',
    run: async (site) => {
      const seen = new Set<string>();
      for (const port of [21_100, 21_101]) {
        const [server, states] = await associate(
          site,
          { address: at('203.0.113.10'), port },
          at('203.0.113.100'),
        );
        assert.deepEqual(states, STATES);
        seen.add(`${server.address} ${server.port}`);
      }
      assert.deepEqual([...seen].sort(), ['192.168.1.101 2905', '192.168.1.102 2906']);
    },
  },
  {
    name: 'so does one over IPv6',
    run: async (site) => {
      const client = { address: at('2001:db8:113::10'), port: 21_110 };
      const [server, states] = await associate(site, client, at('2001:db8:113::100'));
      assert.deepEqual([server, states], [{ address: 'fd00:192:168:1::101', port: 2906 }, STATES]);
    },
  },
];

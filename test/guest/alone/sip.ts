/** Persistence by Call-ID: the messages of a call go to one server. */
import { strict as assert } from 'node:assert';
import type { Endpoint } from '../../../src/core/address/address.ts';
import { endsOf } from '../../contract/conversation.ts';
import { checksumsAreRight, transportPacket } from '../../contract/frames.ts';
import { at } from '../../contract/site.ts';
import { type AloneCase, connectionsOf, countersOf, type Site } from './case.ts';

export const SIP_SERVICES = `  - protocol: udp
    address: 203.0.113.100
    port: 5060
    scheduler: rr
    persistence: {timeout: 60s, engine: sip}
    servers: [{address: 192.168.1.101}, {address: 192.168.1.102}]
  - protocol: udp
    address: 203.0.113.100
    port: 5070
    scheduler: rr
    persistence: {timeout: 60s, engine: sip, granularity: 4}
    servers: [{address: 192.168.1.101}, {address: 192.168.1.102}]
`;

const VIP = '203.0.113.100';

/** A message with one header of its own among those that every message has (RFC 3261, 8.1.1). */
const message = (header: string, method = 'INVITE'): string =>
  [
    `${method} sip:bob@example.org SIP/2.0`,
    'Via: SIP/2.0/UDP client.example.org:5060;branch=z9hG4bK776asdhds',
    'Max-Forwards: 70',
    'To: Bob <sip:bob@example.org>',
    'From: Alice <sip:alice@example.org>;tag=1928301774',
    header,
    `CSeq: 314159 ${method}`,
    'Content-Length: 0',
    '\r\n',
  ].join('\r\n');

const datagram = (client: Endpoint, text: string, targetPort = 5060): Uint8Array =>
  transportPacket({
    ...{ protocol: 'udp', source: client.address, sourcePort: client.port },
    ...{ target: at(VIP), targetPort, payload: Buffer.from(text) },
  });

/** Sends a message; gives the server that it went to. */
async function say({ wires }: Site, client: Endpoint, text: string, port?: number): Promise<string> {
  const seen = await wires.pass('public', datagram(client, text, port));
  assert.equal(seen.side, 'private');
  const { source, target } = endsOf(seen.packet);
  assert.deepEqual(source, client);
  assert.equal(target.port, port ?? 5060);
  assert.ok(checksumsAreRight(seen.packet));
  assert.equal(Buffer.from(seen.packet.subarray(28)).toString(), text);
  return target.address;
}

const near = (port: number): Endpoint => ({ address: at('203.0.113.10'), port });
const far = (port: number): Endpoint => ({ address: at('198.51.100.7'), port });

const templatesOf = async (site: Site, port: number): Promise<number> => {
  const { servers } = await countersOf(site, `udp ${VIP}:${port}`);
  return servers.reduce((sum, { templates }) => sum + templates, 0);
};

/** Cases, of which each has client ports and calls of its own. */
export const SIP_CASES: readonly AloneCase[] = [
  {
    name: 'messages of a call go to one server, whatever port they come from; those of other calls to the next',
    run: async (site) => {
      const one = await say(site, near(21_200), message('Call-ID: a84b4c76e66710@client.example.org'));
      const other = await say(site, near(21_201), message('Call-ID: b94b4c76e66711@client.example.org'));
      assert.notEqual(one, other, 'two calls of one client');
      // By round robin each of these would go to the other server, and by the client's address all of them to one.
      const bye = message('Call-ID: a84b4c76e66710@client.example.org', 'BYE');
      assert.equal(await say(site, near(21_202), bye), one);
      // The short form (RFC 3261, 7.3.3).
      assert.equal(await say(site, near(21_203), message('i: b94b4c76e66711@client.example.org')), other);
      const rest: string[] = [];
      for (let call = 0; call < 4; call++)
        rest.push(await say(site, near(21_204 + call), message(`Call-ID: call-${call}@client.example.org`)));
      assert.deepEqual([...rest].sort(), [one, one, other, other].sort(), 'calls are dealt out');
      assert.equal((await countersOf(site, `udp ${VIP}:5060`)).persistence?.engine, 'sip');
      assert.equal(await templatesOf(site, 5060), 6, 'one template a call');
    },
  },
  {
    name: 'the same Call-ID from another address is another call, unless granularity makes the addresses one',
    run: async (site) => {
      const text = message('Call-ID: both@client.example.org');
      const before = await templatesOf(site, 5060);
      // The very next one that is scheduled, so round robin takes the next server.
      assert.notEqual(await say(site, near(21_210), text), await say(site, far(21_211), text));
      assert.equal(await templatesOf(site, 5060), before + 2);
      assert.equal(await say(site, near(21_212), text, 5070), await say(site, far(21_213), text, 5070));
      assert.equal(await templatesOf(site, 5070), 1);
    },
  },
  {
    name: 'a datagram without Call-ID is dropped, an empty line, too',
    run: async (site) => {
      const [without, alive, after] = [near(21_220), near(21_221), near(21_222)];
      site.wires.swallow('public', datagram(without, message('Subject: none')));
      // RFC 5626, 3.5.1.
      site.wires.swallow('public', datagram(alive, '\r\n\r\n'));
      await say(site, after, message('Call-ID: after@client.example.org'));
      const ports = (await connectionsOf(site, `udp ${VIP}:5060`)).map(({ client }) => client.port);
      assert.deepEqual(
        [without, alive, after].map(({ port }) => ports.includes(port)),
        [false, false, true],
      );
    },
  },
];

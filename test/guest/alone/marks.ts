/** Services by firewall mark: what the kernel has marked is balanced as one, whatever its protocol, address and port. */
import { strict as assert } from 'node:assert';
import { execFileSync, spawnSync } from 'node:child_process';
import type { Endpoint } from '../../../src/core/address/address.ts';
import type { Protocol } from '../../../src/core/model/service.ts';
import { endsOf, RST, SYN, SYN_ACK } from '../../contract/conversation.ts';
import { checksumsAreRight, transportPacket } from '../../contract/frames.ts';
import { at } from '../../contract/site.ts';
import { type AloneCase, connectionsOf, countersOf, type Site } from './case.ts';
import { macOf } from './wire.ts';

/** A mark that a signed number cannot hold. */
const MANY = 4_000_000_000;

/** What is marked: a transport protocol to a port, or a range of them, of a VIP. */
const MARKS: readonly (readonly [mark: number, vips: readonly string[], protocols: string, ports: string])[] =
  [
    [7, ['203.0.113.100', '203.0.113.101'], 'tcp', '80'],
    [7, ['203.0.113.100', '203.0.113.101'], 'tcp', '443'],
    [7, ['203.0.113.100'], 'udp', '53'],
    [7, ['2001:db8:113::100'], 'tcp', '80'],
    [MANY, ['203.0.113.100', '203.0.113.101'], 'tcp', '8000-8099'],
    [MANY, ['203.0.113.100', '203.0.113.101'], 'udp', '8000-8099'],
  ];

/**
 * Has the kernel mark what comes in, by tc: the nf_tables of Debian's user-mode-linux knows no family of tables, and so takes none
 * of nft's rules. To ip_vs a packet's mark is the same, whoever has set it. Returns what nft says, so that a test can tell.
 */
export function setMarks(): string {
  const filters = MARKS.flatMap(([mark, vips, protocol, ports]) =>
    vips.map(
      (vip) =>
        `filter add dev d0 ingress protocol ${vip.includes(':') ? 'ipv6' : 'ip'} flower ip_proto ${protocol} dst_ip ${vip} dst_port ${ports} action skbedit mark ${mark}`,
    ),
  );
  const input = ['qdisc add dev d0 clsact', ...filters, ''].join('\n');
  execFileSync('tc', ['-batch', '-'], { input, stdio: ['pipe', 'inherit', 'inherit'] });
  return spawnSync('nft', ['add table inet marks'], { encoding: 'utf8' }).stderr;
}

/** The services of these cases; servers without a port are reached at the one that the client asks for. */
export const MARK_SERVICES = `  - fwmark: 7
    scheduler: rr
    servers: [{address: 192.168.1.101}, {address: 192.168.1.102, port: 8080}]
  - fwmark: 7
    family: ipv6
    servers: [{address: "fd00:192:168:1::101", port: 8080}]
  - fwmark: ${MANY}
    scheduler: rr
    persistence: {timeout: 60s, granularity: 24}
    servers: [{address: 192.168.1.101}, {address: 192.168.1.102}]
`;

const VIPS = ['203.0.113.100', '203.0.113.101'] as const;
const NEAR = '203.0.113.10';

type Asked = Readonly<{
  protocol: Protocol;
  client?: string;
  clientPort: number;
  vip: string;
  port: number;
  flags?: number;
}>;

/** Sends what a client asks; gives who got it, having looked at all that is not to be changed, and at the checksums. */
async function ask({ wires }: Site, asked: Asked): Promise<Endpoint> {
  const { protocol, client = NEAR, clientPort, vip, port, flags = SYN } = asked;
  const [source, target] = [at(client), at(vip)];
  const payload = Buffer.from('who is there?');
  const seen = await wires.pass(
    'public',
    transportPacket({ protocol, source, sourcePort: clientPort, target, targetPort: port, flags, payload }),
  );
  assert.equal(seen.side, 'private');
  const { source: from, target: server } = endsOf(seen.packet);
  assert.deepEqual(from, { address: client, port: clientPort });
  assert.equal(seen.to, macOf(server.address));
  assert.ok(checksumsAreRight(seen.packet));
  return server;
}

/** What the server says to that client reaches it from where it asked. */
async function answer({ wires }: Site, server: Endpoint, asked: Asked): Promise<void> {
  const { protocol, client = NEAR, clientPort, vip, port } = asked;
  const seen = await wires.pass(
    'private',
    transportPacket({
      ...{ protocol, source: server.address, sourcePort: server.port },
      ...{ target: at(client), targetPort: clientPort, flags: SYN_ACK },
    }),
  );
  assert.equal(seen.side, 'public');
  assert.deepEqual(endsOf(seen.packet), {
    source: { address: vip, port },
    target: { address: client, port: clientPort },
  });
  assert.ok(checksumsAreRight(seen.packet));
}

/** What one mark makes one service. */
const MARKED: readonly Asked[] = [
  { protocol: 'tcp', clientPort: 21_000, vip: VIPS[0], port: 80 },
  { protocol: 'tcp', clientPort: 21_001, vip: VIPS[1], port: 443 },
  { protocol: 'udp', clientPort: 21_002, vip: VIPS[0], port: 53 },
  { protocol: 'tcp', clientPort: 21_003, vip: VIPS[1], port: 80 },
];

const atService = (asked: Asked, server: Endpoint): void =>
  assert.equal(server.port, server.address === '192.168.1.102' ? 8080 : asked.port);

/** Cases, of which each has client ports of its own. */
export const MARK_CASES: readonly AloneCase[] = [
  {
    name: 'a mark makes one service of several ports, addresses and protocols, and answers come from where was asked',
    run: async (site) => {
      const servers: string[] = [];
      for (const asked of MARKED) {
        const server = await ask(site, asked);
        atService(asked, server);
        await answer(site, server, asked);
        servers.push(server.address);
      }
      // One round robin for all of them.
      const [a, b] = servers;
      assert.notEqual(a, b);
      assert.deepEqual(servers, [a, b, a, b]);
      const listed = await connectionsOf(site, 'fwmark 7');
      assert.deepEqual(
        listed.map(({ protocol, virtual }) => `${protocol} ${virtual.address} ${virtual.port}`).sort(),
        MARKED.map(({ protocol, vip, port }) => `${protocol} ${vip} ${port}`).sort(),
      );
    },
  },
  {
    name: 'what has no mark is left to the stack, at the same addresses',
    run: async ({ wires }) => {
      const { packet, side } = await wires.pass(
        'public',
        transportPacket({
          ...{ protocol: 'tcp', source: at(NEAR), sourcePort: 21_010, target: at(VIPS[0]), targetPort: 4443 },
        }),
      );
      assert.equal(side, 'public');
      assert.equal(packet[33]! & RST, RST);
    },
  },
  {
    name: 'the same mark of IPv6 packets is a service of its own',
    run: async (site) => {
      const asked: Asked = {
        ...{
          protocol: 'tcp',
          client: '2001:db8:113::10',
          clientPort: 21_020,
          vip: '2001:db8:113::100',
          port: 80,
        },
      };
      const server = await ask(site, asked);
      assert.deepEqual(server, { address: 'fd00:192:168:1::101', port: 8080 });
      await answer(site, server, asked);
    },
  },
  {
    name: 'a persistent mark remembers a network of clients, whatever port, address and protocol they ask for',
    run: async (site) => {
      const asked = (client: string, i: number, protocol: Protocol = 'tcp'): Asked => ({
        ...{ protocol, client, clientPort: 21_030 + i, vip: VIPS[i % 2]!, port: 8000 + i },
      });
      const first = [asked('198.51.100.7', 0), asked('198.51.100.7', 1), asked('198.51.100.200', 2)];
      const servers: string[] = [];
      for (const one of first) {
        const server = await ask(site, one);
        assert.equal(server.port, one.port);
        servers.push(server.address);
      }
      const other = await ask(site, asked('198.51.101.7', 3));
      servers.push((await ask(site, asked('198.51.100.9', 4, 'udp'))).address);
      assert.equal(new Set(servers).size, 1, 'one network, one server');
      assert.notEqual(other.address, servers[0], 'the next one has the next server');
      const { servers: counted, persistence } = await countersOf(site, `fwmark ${MANY}`);
      assert.deepEqual([persistence?.timeout, persistence?.granularity], [60_000, 24]);
      assert.equal(
        counted.reduce((sum, { templates }) => sum + templates, 0),
        2,
      );
    },
  },
];

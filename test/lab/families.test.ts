/** Every kind of packet: IPv4 and IPv6, TCP and UDP, rewritten ports, bulk both ways, offloads on and off. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256OfPattern } from '../../src/lab/bytes.ts';
import { type LabClient, labClient } from '../../src/lab/client-api.ts';
import { grownBy, type TcpCounters } from '../../src/lab/counters.ts';
import type { LabHost } from '../../src/lab/topology.ts';
import { labVip } from '../../src/lab/topology.ts';
import {
  type DirectorLab,
  directorLab,
  draft,
  fetchJson,
  serversOn,
  serversOn6,
  type Who,
} from './director-lab.ts';

const families = [
  { family: 'ipv4', vip: labVip.ipv4, inUrl: labVip.ipv4, own: '203.0.113.1', inside: '192.168.1.1' },
  {
    family: 'ipv6',
    vip: labVip.ipv6,
    inUrl: `[${labVip.ipv6}]`,
    own: '2001:db8:113::1',
    inside: 'fd00:192:168:1::1',
  },
] as const;
const mebibytes = 64 * 2 ** 20;
const evenly = { server1: 4, server2: 4, server3: 4 };

/**
 * Sent again on the veth links of a lab: nothing, in principle. A wrong checksum, or a large segment that lost its GSO
 * marks on the way, would have most of them sent again, every time. A machine that was busy for a moment makes one
 * time-out fire too early, and then a window of up to tcp_rmem's 6 MiB, a tenth of the transfer, may go out twice:
 * so a fiftieth is the bound, and a transfer beyond it gets two more chances.
 */
const mostSentAgain = 1 / 50;

const ways = [
  { forwarding: 'redirect', tx: true },
  { forwarding: 'redirect', tx: false },
  { forwarding: 'stack', tx: true },
  { forwarding: 'stack', tx: false },
];

describe.each(ways)('by $forwarding, transmit offloads: $tx', ({ forwarding, tx }) => {
  let director: DirectorLab;
  let client: LabClient;
  let clientHost: LabHost;

  beforeAll(async () => {
    director = await directorLab({ tx });
    const { servers } = director.lab;
    clientHost = director.lab.clients[0]!;
    client = labClient(director.lab, clientHost);
    const rr = (protocol: 'tcp' | 'udp', port: number, to: number) => [
      { protocol, address: labVip.ipv4, port, scheduler: 'rr', servers: serversOn(servers, to) },
      { protocol, address: labVip.ipv6, port, scheduler: 'rr', servers: serversOn6(servers, to) },
    ];
    const services = [...rr('tcp', 8080, 80), ...rr('tcp', 80, 80), ...rr('udp', 53, 5353)];
    await director.write(draft(services, { director: { public: 'eth0', private: 'eth1', forwarding } }));
    await director.start();
  });
  afterAll(() => director?.close());

  describe.each(families)('$family', ({ family, vip, inUrl, own, inside }) => {
    it('TCP reaches every server, on a port of its own and on the service’s', async () => {
      for (const port of [8080, 80]) {
        const result = await client.requests({ url: `http://${inUrl}:${port}/`, count: 12 });
        expect(result.failures).toEqual([]);
        expect(result.byServer).toEqual(evenly);
      }
    });

    it('UDP too, with the port rewritten and every answer from the address that was asked', async () => {
      const result = await client.udp({ address: vip, port: 53, count: 24, sockets: 12 });
      expect(result).toMatchObject({ answered: 24, lost: 0, wrong: [] });
      expect(result.byServer).toEqual({ server1: 8, server2: 8, server3: 8 });
    });

    it('the servers see the client’s own address and port', async () => {
      const who = await fetchJson<Who>(director.lab, clientHost, `http://${inUrl}:8080/who`);
      expect(who.client.address).toBe(clientHost[family]);
      const known = await director.connections('--client', clientHost[family]);
      expect(known.map((one) => one.client.port)).toContain(who.client.port);
    });

    it.each([
      { what: 'come', path: `/bytes/${mebibytes}`, body: {} },
      { what: 'go up and come back', path: '/echo', body: { send: mebibytes } },
    ])('64 MiB $what whole, nearly nothing of it twice', async ({ path, body }) => {
      const shares: number[] = [];
      do {
        const sent = await countSegments(async () => {
          const result = await client.download({ url: `http://${inUrl}:8080${path}`, ...body });
          expect(result.failure).toBeUndefined();
          expect(result).toMatchObject({ bytes: mebibytes, sha256: sha256OfPattern(mebibytes) });
        });
        expect(sent.segments).toBeGreaterThan(mebibytes / 65_536);
        shares.push(sent.again / sent.segments);
      } while (shares.length < 3 && Math.min(...shares) > mostSentAgain);
      expect(Math.min(...shares), `shares sent again: ${shares}`).toBeLessThanOrEqual(mostSentAgain);
    });

    it('every packet has come one hop further: 63 where 64 was sent, both ways', async () => {
      const ttl = family === 'ipv4' ? 'ip ttl' : 'ip6 hoplimit';
      const [server] = director.lab.servers;
      await countHops(server!, 'dport', ttl);
      await countHops(clientHost, 'sport', ttl);
      expect((await client.requests({ url: `http://${inUrl}:80/`, count: 12 })).byServer).toEqual(evenly);
      for (const host of [server!, clientHost]) {
        const { expected, others } = await hopsCounted(host);
        expect(expected).toBeGreaterThan(4);
        expect(others).toBe(0);
      }
    });

    it('what is for the director itself still gets there: its own address, the VIP, from both sides', async () => {
      const port = 22;
      const listener = await director.lab.spawn(director.lab.director, [
        process.execPath,
        '-e',
        `require('net').createServer((s) => s.on('error', () => {}).end('director\\n')).listen(${port}, () => console.log('up'))`,
      ]);
      await listener.waitForLine((line) => line === 'up');
      const greet = (host: LabHost, address: string) =>
        director.lab.run(host, [
          process.execPath,
          '-e',
          `require('net').connect(${port}, process.argv[1]).setTimeout(5000, () => process.exit(1)).pipe(process.stdout)`,
          address,
        ]);
      expect(await greet(clientHost, own)).toBe('director\n');
      expect(await greet(clientHost, vip)).toBe('director\n');
      expect(await greet(director.lab.servers[0]!, inside)).toBe('director\n');
      await listener.stop();
    });
  });

  it('afterwards nothing is left in the tables, and the counters never disagreed with them', async () => {
    await director.drain();
    expect(director.errors()).toEqual([]);
  });

  /** TCP segments of the client and all servers during `act`, and how many of them were sent again. */
  async function countSegments(act: () => Promise<void>): Promise<{ segments: number; again: number }> {
    const hosts = [clientHost, ...director.lab.servers];
    const read = () => Promise.all(hosts.map((host) => director.lab.tcpCounters(host)));
    const before = await read();
    await act();
    const after = await read();
    const grown = after.map((counters, i) => grownBy(before[i] as TcpCounters, counters));
    const sum = (name: string) => grown.reduce((total, one) => total + (one[name] ?? 0), 0);
    return { segments: sum('OutSegs'), again: sum('RetransSegs') };
  }

  /** Counts, on arrival, packets of TCP port 80 whose hop count is 63, and all others. */
  async function countHops(host: LabHost, end: 'dport' | 'sport', field: string): Promise<void> {
    const rules = `
      table inet hops
      delete table inet hops
      table inet hops {
        counter expected {}
        counter others {}
        chain arriving {
          type filter hook prerouting priority -300; policy accept;
          tcp ${end} 80 ${field} 63 counter name expected accept
          tcp ${end} 80 counter name others
        }
      }`;
    await director.lab.run(host, ['nft', '-f', '-'], { input: rules });
  }

  async function hopsCounted(host: LabHost): Promise<{ expected: number; others: number }> {
    const text = await director.lab.run(host, ['nft', '-j', 'list', 'counters', 'table', 'inet', 'hops']);
    const { nftables } = JSON.parse(text) as {
      nftables: { counter?: { name: string; packets: number } }[];
    };
    const count = (name: string) =>
      nftables.find(({ counter }) => counter?.name === name)?.counter?.packets ?? Number.NaN;
    return { expected: count('expected'), others: count('others') };
  }
});

/** One service of several ports and of a prefix with real clients: together, in turn, through changes and a new daemon. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LAYOUTS } from '../../src/dataplane/bpf/contract.generated.ts';
import { libbpf } from '../../src/kernel/libbpf.ts';
import { labClient } from '../../src/lab/client-api.ts';
import type { LabProcess } from '../../src/lab/process.ts';
import type { LabHost } from '../../src/lab/topology.ts';
import { labVip } from '../../src/lab/topology.ts';
import { type DirectorLab, type Draft, directorLab, draft, nextEvent } from './director-lab.ts';

/** Networks that the clients reach by the director, and that no interface has. */
const ROUTED = { ipv4: '198.51.100.0/28', ipv6: '2001:db8:100::/64' } as const;

let director: DirectorLab;
let daemon: LabProcess;
let hosts: readonly LabHost[];
beforeAll(async () => {
  director = await directorLab({ clients: 3 });
  hosts = director.lab.clients;
  for (const host of hosts) {
    await director.lab.run(host, ['ip', 'route', 'add', ROUTED.ipv4, 'via', '203.0.113.1']);
    await director.lab.run(host, ['ip', 'route', 'add', ROUTED.ipv6, 'via', '2001:db8:113::1']);
  }
});
afterAll(() => director?.close());

/** Who answers a client's requests, each over a new connection, in order. */
async function sequence(host: LabHost, url: string, count: number): Promise<readonly string[]> {
  const result = await labClient(director.lab, host).requests({ url, count });
  expect(result.failures, url).toEqual([]);
  return result.sequence;
}
const answersTo = async (host: LabHost, url: string) => [...new Set(await sequence(host, url, 3))];

const persistence = { timeout: '10m' };
const servers = (family: 'ipv4' | 'ipv6', port?: number) =>
  director.lab.servers.map((server) => ({ address: server[family], ...(port !== undefined && { port }) }));

/** Persistent by several ports of the VIPs, in turn by the addresses of the routed networks. */
const config = (ports: readonly (number | string)[], more: Draft = {}): Draft =>
  draft(
    [
      ...(['ipv4', 'ipv6'] as const).map((family) => ({
        protocol: 'tcp',
        address: labVip[family],
        ports,
        scheduler: 'rr',
        persistence,
        servers: servers(family, 80),
      })),
      { protocol: 'tcp', address: ROUTED.ipv4, ports: [7, 80], scheduler: 'rr', servers: servers('ipv4') },
      { protocol: 'tcp', address: ROUTED.ipv6, port: 80, scheduler: 'rr', servers: servers('ipv6') },
      {
        protocol: 'udp',
        address: ROUTED.ipv4,
        ports: ['5000-6000'],
        scheduler: 'rr',
        servers: servers('ipv4'),
      },
    ] as unknown as Parameters<typeof draft>[0],
    more,
  );
const PORTS = [80, 443, '8000-8100'];
const urlsOf = (host: string, ports: readonly number[]) => ports.map((port) => `http://${host}:${port}/`);

describe('a service of several ports, whose clients are remembered', () => {
  const chosen = new Map<LabHost, string>();

  it('sends each client to a server of its own, at whichever of the ports', async () => {
    await director.write(config(PORTS));
    daemon = await director.start();
    for (const host of hosts) {
      const [first] = await answersTo(host, urlsOf(labVip.ipv4, [80])[0]!);
      chosen.set(host, first!);
      for (const url of urlsOf(labVip.ipv4, [443, 8000, 8050, 8100]))
        expect(await answersTo(host, url), url).toEqual([first]);
    }
    expect(new Set(chosen.values()).size).toBe(3);
    const service = await director.service(`tcp ${labVip.ipv4}:80,443,8000-8100`);
    expect(service.servers.map(({ templates }) => templates)).toEqual([1, 1, 1]);
    const listed = await director.connections('--service', `tcp/${labVip.ipv4}:443,80,8000-8100`);
    const templates = listed.filter(({ state }) => state === 'TEMPLATE');
    expect(templates.map(({ virtual }) => virtual)).toEqual(
      hosts.map(() => ({ address: labVip.ipv4, port: 0 })),
    );
  });

  it('does so over IPv6', async () => {
    for (const host of hosts) {
      const [first] = await answersTo(host, urlsOf(`[${labVip.ipv6}]`, [443])[0]!);
      for (const url of urlsOf(`[${labVip.ipv6}]`, [80, 8099]))
        expect(await answersTo(host, url), url).toEqual([first]);
    }
  });

  it('leaves other ports to the director itself', async () => {
    const { failures } = await labClient(director.lab, hosts[0]!).requests({
      url: `http://${labVip.ipv4}:8101/`,
      count: 1,
    });
    expect(JSON.stringify(failures)).toContain('ECONNREFUSED');
  });

  it('remembers them through kill -9 and a new daemon', async () => {
    daemon.signal('SIGKILL');
    await daemon.ended;
    for (const host of hosts)
      expect(await answersTo(host, urlsOf(labVip.ipv4, [443])[0]!)).toEqual([chosen.get(host)]);
    daemon = await director.start();
    for (const host of hosts)
      for (const url of urlsOf(labVip.ipv4, [80, 8001]))
        expect(await answersTo(host, url)).toEqual([chosen.get(host)]);
  });
});

describe('a service of a prefix', () => {
  it('takes every address in it, in one turn, at the port asked for', async () => {
    const addresses = [
      '198.51.100.0',
      '198.51.100.1',
      '198.51.100.14',
      '198.51.100.15',
      '198.51.100.7',
      '198.51.100.8',
    ];
    const answers: string[] = [];
    for (const address of addresses) answers.push(...(await sequence(hosts[0]!, `http://${address}/`, 1)));
    expect(answers.slice(3)).toEqual(answers.slice(0, 3));
    expect(new Set(answers).size).toBe(3);
    const held = await labClient(director.lab, hosts[1]!).hold({ address: '198.51.100.9', count: 3 });
    expect(held.failed).toBe(0);
    expect(await held.close()).toMatchObject({ alive: 3, dead: [] });
  });

  it('takes IPv6 addresses, and datagrams to a range of ports', async () => {
    const answers = new Set<string>();
    for (const address of ['2001:db8:100::1', '2001:db8:100::2', '2001:db8:100:0:ffff:ffff:ffff:ffff'])
      for (const name of await sequence(hosts[0]!, `http://[${address}]/`, 1)) answers.add(name);
    expect(answers.size).toBe(3);
    const options = { address: '198.51.100.3', port: 5353, count: 12, sockets: 6 };
    const result = await labClient(director.lab, hosts[0]!).udp(options);
    expect(result).toMatchObject({ answered: 12, lost: 0, wrong: [] });
    expect(Object.keys(result.byServer)).toHaveLength(3);
  });

  it('is found by any address of it', async () => {
    const text = await director.weir.run(['services', '198.51.100.9:80']);
    expect(text).toContain('tcp 198.51.100.0/28:7,80  rr');
    expect(await director.weir.run(['services', '198.51.100.9:81']).catch(String)).toContain('no service');
  });
});

describe('while clients come', () => {
  it('a changed server list, and one more port, fail no request', async () => {
    const url = urlsOf(labVip.ipv4, [443])[0]!;
    const running = await labClient(director.lab, hosts[2]!).startRequests({ url });
    await running.reached(50);
    await director.reload(config(PORTS, { timeouts: { established: '10m', time_wait: '2s', udp: '5s' } }));
    await director.reload(config([...PORTS, 9000]));
    await running.reached(150);
    const { failures } = await running.stop();
    expect(failures).toEqual([]);
    expect(await sequence(hosts[0]!, urlsOf(labVip.ipv4, [9000])[0]!, 1)).toHaveLength(1);
  });
});

describe('what somebody changes by hand', () => {
  /** Does something with a pinned map. */
  function onMap<T>(name: string, use: (bpf: ReturnType<typeof libbpf>, fd: number) => T): T {
    const { pinDir } = director.lab;
    const bpf = libbpf();
    const fd = bpf.getPinned(join(pinDir, readdirSync(pinDir)[0]!, name))!;
    try {
      return use(bpf, fd);
    } finally {
      bpf.closeFd(fd);
    }
  }
  const keySize = LAYOUTS.weir_network_key.size;
  const networks = (): Uint8Array[] =>
    onMap('networks', (bpf, fd) => {
      const all: Uint8Array[] = [];
      for (let last: Uint8Array | null = null; ; ) {
        const next = new Uint8Array(keySize);
        if (!bpf.nextKey(fd, last, next)) return all;
        all.push(next);
        last = next;
      }
    });
  /** The network of the first VIP: 32 bits of address. */
  const ofVip = () =>
    networks().find(
      (key) => key[0] === LAYOUTS.weir_network_key.fields.prefix_length + 64 && key[8] === 203,
    )!;

  it.each([
    {
      what: 'the ports of an address gone',
      change: () => onMap('networks', (bpf, fd) => bpf.remove(fd, ofVip())),
      found: 'its addresses are gone from networks',
    },
    {
      what: 'a port that leads nowhere',
      change: () => {
        const value = new Uint8Array(LAYOUTS.weir_network.size);
        onMap('networks', (bpf, fd) => bpf.lookup(fd, ofVip(), value));
        const place = value.slice(0, 4);
        onMap('ports', (bpf, fd) => bpf.update(fd, place, new Uint8Array(LAYOUTS.weir_port_range.size)));
      },
      found: 'are not those of its addresses',
    },
    {
      what: 'a service without its slot',
      change: () =>
        onMap('groups', (bpf, fd) => {
          const value = new Uint8Array(4);
          for (let id = 0; id < 8; id++) {
            const key = new Uint8Array(Uint32Array.of(id).buffer);
            if (bpf.lookup(fd, key, value) && value.some((byte) => byte !== 0))
              bpf.update(fd, key, new Uint8Array(4));
          }
        }),
      found: 'leads to slot -1',
    },
    {
      what: 'addresses that nobody has configured',
      change: () => {
        const key = ofVip();
        key.set([7, 7, 7, 7], 8);
        onMap('networks', (bpf, fd) => bpf.update(fd, key, new Uint8Array(LAYOUTS.weir_network.size)));
      },
      found: 'networks has addresses that Weir did not put there',
    },
  ])('$what: found, put right and logged', async ({ change, found }) => {
    const repaired = nextEvent(daemon, 'drift_repaired');
    change();
    expect((await repaired)['found']).toContain(found);
    await expect.poll(() => networks().length, { timeout: 10_000, interval: 100 }).toBe(5);
    await expect
      .poll(
        async () =>
          (
            await labClient(director.lab, hosts[0]!).requests({
              url: urlsOf(labVip.ipv4, [443])[0]!,
              count: 1,
            })
          ).failures.length,
        { timeout: 10_000, interval: 100 },
      )
      .toBe(0);
  });
});

it('afterwards nothing is left in the tables, and nothing in the log', async () => {
  await director.drain();
  expect((await director.connections()).filter(({ state }) => state === 'TEMPLATE')).toEqual([]);
  expect(director.errors()).toEqual([]);
});

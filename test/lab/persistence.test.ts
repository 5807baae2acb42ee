/** Persistence with real clients: together across ports and families, drained, removed, remembered by a new daemon. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labClient } from '../../src/lab/client-api.ts';
import type { LabProcess } from '../../src/lab/process.ts';
import type { LabHost } from '../../src/lab/topology.ts';
import { labVip } from '../../src/lab/topology.ts';
import {
  type DirectorLab,
  directorLab,
  draft,
  type ServerDraft,
  type ServiceDraft,
  serversOn,
} from './director-lab.ts';

let director: DirectorLab;
let daemon: LabProcess;
let hosts: readonly LabHost[];
beforeAll(async () => {
  director = await directorLab({ clients: 3 });
  hosts = director.lab.clients;
});
afterAll(() => director?.close());

/** Who answers a client's requests, each over a new connection. */
async function answersTo(host: LabHost, url: string, count = 6): Promise<string[]> {
  const result = await labClient(director.lab, host).requests({ url, count });
  expect(result.failures).toEqual([]);
  return [...new Set(result.sequence)];
}

/** Who holds a client's connections to the echo service, which is another port than the web's. */
async function echoOf(host: LabHost, address: string): Promise<string[]> {
  const held = await labClient(director.lab, host).hold({ address, count: 3 });
  expect(held.failed).toBe(0);
  const own = address.includes(':') ? host.ipv6 : host.ipv4;
  const found = await director.connections('--client', own);
  await held.close();
  const servers = found.filter(({ virtual }) => virtual.port === 7).map(({ server }) => server.address);
  expect(servers).toHaveLength(3);
  const names = director.lab.servers.flatMap(({ ipv4, ipv6, name }) => [
    [ipv4, name] as const,
    [ipv6, name] as const,
  ]);
  return [...new Set(servers)].map((server) => new Map<string, string>(names).get(server)!);
}

const templates = async () => (await director.connections()).filter(({ state }) => state === 'TEMPLATE');

const service = (address: string, servers: readonly ServerDraft[], granularity: number): ServiceDraft => ({
  protocol: 'tcp',
  address,
  port: 0,
  scheduler: 'rr',
  persistence: { timeout: '10m', granularity },
  servers,
});
const everyPort = (weights: readonly number[]): ServerDraft[] =>
  serversOn(director.lab.servers, 0, weights).slice(0, weights.length);
const everyPort6 = (): ServerDraft[] => director.lab.servers.map(({ ipv6 }) => ({ address: ipv6, port: 0 }));

describe('a service of every port, whose clients are remembered', () => {
  const web = `http://${labVip.ipv4}/`;
  const chosen = new Map<LabHost, string>();

  it('sends each client to a server of its own, at whatever port', async () => {
    await director.write(
      draft([
        service(labVip.ipv4, everyPort([1, 1, 1]), 32),
        service(labVip.ipv6, everyPort6(), 64),
        {
          protocol: 'udp',
          address: labVip.ipv4,
          port: 53,
          scheduler: 'rr',
          persistence: {},
          servers: serversOn(director.lab.servers, 5353),
        },
      ]),
    );
    daemon = await director.start();
    for (const host of hosts) {
      const [first, ...others] = await answersTo(host, web);
      expect(others).toEqual([]);
      chosen.set(host, first!);
      expect(await echoOf(host, labVip.ipv4)).toEqual([first]);
    }
    expect(new Set(chosen.values()).size).toBe(3);
    const { servers, persistence } = await director.service(`tcp ${labVip.ipv4}:0`);
    expect(persistence).toEqual({ timeout: 600_000, granularity: 32 });
    expect(servers.map((server) => server.templates)).toEqual([1, 1, 1]);
  });

  it('keeps the clients of one IPv6 network together', async () => {
    const answers = await Promise.all(hosts.map((host) => answersTo(host, `http://[${labVip.ipv6}]/`)));
    expect(new Set(answers.flat()).size).toBe(1);
    expect(await echoOf(hosts[0]!, labVip.ipv6)).toEqual(answers[0]);
    const found = (await templates()).filter(({ client }) => client.address.includes(':'));
    expect(found.map(({ client }) => client)).toEqual([{ address: '2001:db8:113::', port: 0 }]);
  });

  it('keeps a client’s UDP sockets together', async () => {
    const options = { address: labVip.ipv4, port: 53, count: 24, sockets: 12 };
    const result = await labClient(director.lab, hosts[0]!).udp(options);
    expect(result).toMatchObject({ answered: 24, lost: 0, wrong: [] });
    expect(Object.keys(result.byServer)).toHaveLength(1);
  });

  it('remembers them through a new daemon', async () => {
    daemon.signal('SIGKILL');
    await daemon.ended;
    daemon = await director.start();
    for (const host of hosts) expect(await answersTo(host, web)).toEqual([chosen.get(host)]);
  });

  it('keeps them at a server of weight 0, and sends them elsewhere when it is gone', async () => {
    const names = director.lab.servers.map(({ name }) => name);
    const last = hosts.find((host) => chosen.get(host) === names[2])!;
    const now = (weights: readonly number[]) => draft([service(labVip.ipv4, everyPort(weights), 32)]);
    await director.reload(now([1, 1, 0]));
    for (const host of hosts) expect(await answersTo(host, web)).toEqual([chosen.get(host)]);
    await director.reload(now([1, 1]));
    const [other, ...others] = await answersTo(last, web);
    expect(others).toEqual([]);
    expect(names.slice(0, 2)).toContain(other);
    await director.reload(now([1, 1, 1]));
    expect(await answersTo(last, web)).toEqual([other]);
  });
});

it('afterwards nothing is left in the tables, and the counters never disagreed with them', async () => {
  await director.drain();
  expect(await templates()).toEqual([]);
  expect(director.errors()).toEqual([]);
});

describe('docs/guide/persistence.md', () => {
  const guide = readFileSync('docs/guide/persistence.md', 'utf8');

  it('has a configuration that does what it says', async () => {
    await director.weir.writeConfig(/```yaml\n([\s\S]*?)```/.exec(guide)![1]!);
    await director.weir.run(['reload']);
    const [name, ...others] = await answersTo(hosts[0]!, `http://${labVip.ipv4}/`);
    expect(others).toEqual([]);
    expect(await echoOf(hosts[0]!, labVip.ipv4)).toEqual([name]);
  });

  it.each([...guide.matchAll(/^ {4}\$ weir (.+)$/gm)].map(([, words]) => words!))(
    'weir %s',
    async (words) => {
      const text = await director.weir.run(words.split(' '));
      const isWide = words.startsWith('services -o wide');
      expect(text).toMatch(isWide ? /TEMPLATES[\s\S]*rr persistent 30m/ : /TEMPLATE|templates/);
    },
  );

  it('leaves nothing in the log', () => expect(director.errors()).toEqual([]));
});

/** The lab itself: what every other scenario stands on. Plain routing is the director here. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BPFFS } from '../../src/kernel/bpffs.ts';
import { sha256OfPattern } from '../../src/lab/bytes.ts';
import { type LabClient, labClient } from '../../src/lab/client-api.ts';
import { grownBy } from '../../src/lab/counters.ts';
import { createLab, type Lab, withLab } from '../../src/lab/lab.ts';
import type { LabProcess } from '../../src/lab/process.ts';
import { startRealServers } from '../../src/lab/real-servers.ts';
import { labsDirectory, processesIn, removeLab, removeStaleLabs } from '../../src/lab/remove.ts';

const prefix = 'weirlabtest';
const ip = (...argv: string[]): string => spawnSync('ip', argv, { encoding: 'utf8' }).stdout;
const traces = (lab: string): string[] =>
  [ip('netns', 'list'), ...[labsDirectory, BPFFS].map((path) => readdirSync(path).join('\n'))]
    .join('\n')
    .split('\n')
    .filter((line) => line.startsWith(lab));
const hostView = (): string[] => [
  ip('-brief', 'link'),
  ip('-brief', 'addr'),
  ip('route', 'show', 'table', 'all'),
];

describe('traffic through a routing director', () => {
  let lab: Lab;
  let client: LabClient;
  let servers: LabProcess[];

  beforeAll(async () => {
    lab = await createLab({ prefix, clients: 2, routeToServers: true });
    servers = await startRealServers(lab, { http: [80, 8080] });
    await lab.sysctl(lab.director, { 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 });
    client = labClient(lab, lab.clients[1]!);
  });
  afterAll(() => lab.close());

  it.each(['ipv4', 'ipv6'] as const)(
    'reaches every real server over %s, with the client seen as itself',
    async (family) => {
      for (const server of lab.servers) {
        const address = family === 'ipv4' ? server.ipv4 : `[${server.ipv6}]`;
        const result = await client.requests({ url: `http://${address}/`, count: 5, concurrency: 2 });
        expect(result).toMatchObject({
          completed: 5,
          failed: 0,
          byServer: { [server.name]: 5 },
          failures: [],
        });
        const url = `http://${address}:8080/who`;
        const who = await lab.run(lab.clients[1]!, [
          process.execPath,
          '-e',
          'fetch(process.argv[1]).then((r) => r.text()).then(console.log)',
          url,
        ]);
        expect(JSON.parse(who)).toMatchObject({
          server: server.name,
          client: { address: lab.clients[1]![family] },
        });
      }
    },
  );

  it('downloads what was sent, fast and slow, nearly nothing of it twice', async () => {
    const server = lab.servers[0]!;
    const before = await lab.tcpCounters(server);
    const fast = await client.download({ url: `http://${server.ipv4}/bytes/20000000` });
    expect(fast).toMatchObject({ bytes: 20_000_000, server: 'server1', sha256: sha256OfPattern(20_000_000) });
    expect(fast.failure).toBeUndefined();
    const slow = await client.startDownload({ url: `http://${server.ipv4}/slow/300000/600000` });
    await slow.reached(60_000);
    expect((await slow.result).sha256).toBe(sha256OfPattern(300_000));
    const grown = grownBy(before, await lab.tcpCounters(server));
    expect(grown['OutSegs']).toBeGreaterThan(100);
    // A busy machine lets a loss probe (RFC 8985, section 7) fire now and then, though nothing was lost.
    expect(grown['RetransSegs']).toBeLessThanOrEqual(grown['OutSegs']! / 50);
  });

  it('says when a download was cut off', async () => {
    const running = await client.startDownload({
      url: `http://${lab.servers[0]!.ipv4}/slow/10000000/100000`,
    });
    await running.reached(10_000);
    expect((await running.stop()).failure).toBe('stopped');
  });

  it('holds connections, and tells which of them died', async () => {
    const held = await client.hold({ address: lab.servers[1]!.ipv6, count: 12 });
    expect(held).toMatchObject({ opened: 12, failed: 0 });
    expect(await held.poke()).toEqual({ alive: 12, byServer: { server2: 12 }, dead: [] });
    await servers[1]!.stop();
    const after = await held.close();
    expect(after.alive + after.dead.length).toBe(12);
    expect(after.dead).toHaveLength(12);
  });

  it('echoes datagrams and counts the lost ones', async () => {
    const address = lab.servers[2]!.ipv4;
    const result = await client.udp({ address, count: 9, sockets: 3, sourcePort: 21_000 });
    expect(result).toMatchObject({ answered: 9, lost: 0, byServer: { server3: 9 }, wrong: [] });
    expect(await client.udp({ address, port: 9, count: 2, timeout: 200 })).toMatchObject({
      answered: 0,
      lost: 2,
    });
  });

  it('records failures of requests', async () => {
    const result = await client.requests({ url: `http://${lab.servers[0]!.ipv4}:81/`, count: 3 });
    expect(result).toMatchObject({ completed: 0, failed: 3 });
    expect(result.failures[0]).toContain('ECONNREFUSED');
  });

  it('keeps requests going until told to stop', async () => {
    const load = await client.startRequests({
      url: `http://${lab.servers[0]!.ipv4}/`,
      concurrency: 2,
      keepAlive: true,
      perSecond: 200,
    });
    await load.reached(20);
    const result = await load.stop();
    expect(result.completed).toBeGreaterThanOrEqual(20);
    expect(result.failed).toBe(0);
  });

  it('sends SYNs that the real server sees as such', async () => {
    const server = lab.servers[0]!;
    const before = await lab.tcpCounters(server);
    const flood = await client.startSynFlood({
      address: server.ipv4,
      port: 80,
      count: 400,
      perSecond: 4_000,
    });
    expect(await flood.result).toMatchObject({ sent: 400, refused: 0 });
    const halfOpen = (await lab.run(server, ['ss', '-Htn', 'state', 'syn-recv'])).trim().split('\n').length;
    const grown = grownBy(before, await lab.tcpCounters(server));
    // A SYN answered is a segment sent; those beyond the backlog get a cookie or nothing.
    expect(halfOpen).toBeGreaterThan(50);
    expect(grown['InSegs']).toBeGreaterThanOrEqual(400);
    expect(grown['InErrs']).toBe(0);
    expect(grown['InCsumErrors']).toBe(0);
  });
});

describe('the layout', () => {
  it('keeps the private network from the clients, and switches offloads off on request', async () => {
    await withLab({ prefix, tx: false }, async (lab) => {
      const client = lab.clients[0]!;
      expect((await lab.exec(client, ['ip', 'route', 'get', lab.servers[0]!.ipv4])).code).not.toBe(0);
      for (const host of [client, lab.director, lab.servers[2]!])
        expect(await lab.run(host, ['ethtool', '-k', 'eth0'])).toMatch(/^tx-checksumming: off/m);
      expect((await lab.exec(client, ['cat'], { input: 'through' })).stdout).toBe('through');
      await expect(lab.exec(client, ['tail', '-f', '/dev/null'], { timeout: 100 })).rejects.toThrow('100 ms');
    });
  });

  it('lets two labs stand side by side, each with servers of its own', async () => {
    await withLab({ prefix, servers: 1, routeToServers: true }, (one) =>
      withLab({ prefix, servers: 1, routeToServers: true }, async (other) => {
        expect(one.name).not.toBe(other.name);
        expect(one.pinDir).not.toBe(other.pinDir);
        await startRealServers(one);
        await one.sysctl(one.director, { 'net.ipv4.ip_forward': 1 });
        await other.sysctl(other.director, { 'net.ipv4.ip_forward': 1 });
        const request = { url: `http://${one.servers[0]!.ipv4}/`, count: 2 };
        expect((await labClient(one, one.clients[0]!).requests(request)).completed).toBe(2);
        expect((await labClient(other, other.clients[0]!).requests(request)).failed).toBe(2);
      }),
    );
  });
});

describe('the end of a lab', () => {
  it('leaves the host as it was, whatever still ran', async () => {
    const before = hostView();
    const lab = await createLab({ prefix });
    // It ignores TERM and its child is nobody the lab knows of.
    const stubborn =
      "process.on('SIGTERM', () => {}); require('child_process').spawn('sleep', ['600'], { detached: true }); console.log('up'); setInterval(() => {}, 1000)";
    const child = await lab.spawn(lab.director, [process.execPath, '-e', stubborn]);
    await child.waitForLine((line) => line === 'up');
    const pids = processesIn([lab.director.netns]);
    expect(pids).toContain(child.pid);
    expect(pids).toHaveLength(2);
    expect(traces(lab.name).length).toBeGreaterThan(5);
    expect(hostView()).toEqual(before);
    await child.stop(100);
    await lab.close();
    await lab.close();
    expect(traces(lab.name)).toEqual([]);
    expect(hostView()).toEqual(before);
    await expect
      .poll(() => pids.filter((pid) => existsSync(`/proc/${pid}/ns/net`) && isRunning(pid)))
      .toEqual([]);
  });

  it('comes by an exception too', async () => {
    let name = '';
    const failing = withLab({ prefix }, async (lab) => {
      name = lab.name;
      throw new Error('as planned');
    });
    await expect(failing).rejects.toThrow('as planned');
    expect(traces(name)).toEqual([]);
  });

  const maker = (body: string): [string, string[]] => {
    const lab = new URL('../../src/lab/lab.ts', import.meta.url).href;
    const source = `import(${JSON.stringify(lab)}).then(({ createLab, withLab }) => ${body})`;
    return [process.execPath, ['--import', import.meta.resolve('tsx'), '-e', source]];
  };
  const firstLine = async (child: ReturnType<typeof spawn>): Promise<string> => {
    const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
    return line;
  };

  it('comes by Ctrl-C, and the signal is passed on', async () => {
    const [file, argv] = maker(
      `withLab({ prefix: '${prefix}' }, async (lab) => { console.log(lab.name); await new Promise(() => setInterval(() => {}, 1000)); })`,
    );
    const child = spawn(file, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    const name = await firstLine(child);
    expect(traces(name).length).toBeGreaterThan(5);
    child.kill('SIGINT');
    const [, signal] = (await once(child, 'close')) as [number | null, string | null];
    expect(signal).toBe('SIGINT');
    expect(traces(name)).toEqual([]);
  });

  it('is made up for later when its maker was killed, unless the lab was kept on purpose', async () => {
    const leave = async (then: string): Promise<string> => {
      const [file, argv] = maker(
        `createLab({ prefix: '${prefix}' }).then((lab) => { ${then}; console.log(lab.name); setInterval(() => {}, 1000); })`,
      );
      const child = spawn(file, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
      const name = await firstLine(child);
      expect(removeStaleLabs({ prefix })).not.toContain(name);
      child.kill('SIGKILL');
      await once(child, 'close');
      return name;
    };
    // The one that was kept first: making a lab removes what is stale.
    const kept = await leave('lab.keep()');
    const left = await leave('');
    expect(traces(left).length).toBeGreaterThan(5);
    expect(removeStaleLabs({ prefix })).toContain(left);
    expect(traces(left)).toEqual([]);
    expect(traces(kept).length).toBeGreaterThan(5);
    expect(removeStaleLabs({ prefix, kept: true })).toContain(kept);
    expect(traces(kept)).toEqual([]);
    removeLab(kept);
    expect(existsSync(join(labsDirectory, kept))).toBe(false);
  });
});

/** A process that was killed and not yet waited for by its parent runs no more. */
function isRunning(pid: number): boolean {
  return /^State:\s+[^ZX]/m.test(spawnSync('cat', [`/proc/${pid}/status`], { encoding: 'utf8' }).stdout);
}

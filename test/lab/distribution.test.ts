/** Who gets the next connection: the schedulers on real packets, weight 0, and services that share servers. */
import { availableParallelism } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LabClient, labClient } from '../../src/lab/client-api.ts';
import { labVip } from '../../src/lab/topology.ts';
import { type DirectorLab, type Draft, directorLab, draft, serversOn } from './director-lab.ts';

const vip = labVip.ipv4;
const url = (port: number): string => `http://${vip}:${port}/`;
/** For what the daemon does by itself, in its own time. */
const patience = { timeout: 15_000, interval: 200 };
const shares = (one: number, two: number, three: number) => ({ server1: one, server2: two, server3: three });

describe('distribution', () => {
  let director: DirectorLab;
  let clients: LabClient[];

  /** HTTP on 8001 (rr) and 8002 (wrr), echo on 7003 (lc) and 7004 (wlc); `weights` are those of 7004 and 8002. */
  const config = (weights = [3, 2, 1], lcServers = 3): Draft => {
    const { servers } = director.lab;
    const tcp = (port: number, scheduler: string, on: ReturnType<typeof serversOn>) =>
      ({ protocol: 'tcp', address: vip, port, scheduler, servers: on }) as const;
    return draft([
      tcp(8001, 'rr', serversOn(servers, 80, [5, 1, 1])),
      tcp(8002, 'wrr', serversOn(servers, 80, weights)),
      tcp(7003, 'lc', serversOn(servers.slice(0, lcServers), 7, [1, 7, 1])),
      tcp(7004, 'wlc', serversOn(servers, 7, weights)),
      tcp(7005, 'rr', serversOn(servers.slice(0, 1), 7)),
      tcp(7006, 'rr', serversOn(servers.slice(0, 1), 7)),
      {
        protocol: 'udp',
        address: vip,
        port: 5005,
        scheduler: 'rr',
        servers: serversOn(servers.slice(0, 1), 5353),
      },
      {
        protocol: 'udp',
        address: vip,
        port: 5006,
        scheduler: 'rr',
        servers: serversOn(servers.slice(0, 1), 5353),
      },
      {
        protocol: 'udp',
        address: vip,
        port: 5007,
        scheduler: 'wrr',
        servers: serversOn(servers, 5353, [3, 2, 1]),
      },
    ]);
  };

  beforeAll(async () => {
    director = await directorLab({ clients: 2 });
    await director.write(config());
    await director.start();
    const cpus = availableParallelism();
    clients = director.lab.clients.map((host, i) => labClient(director.lab, host, { cpu: i % cpus }));
  });
  afterAll(() => director?.close());

  it('rr goes round in the order of the configuration, whatever the weights', async () => {
    const { sequence, failures } = await clients[0]!.requests({ url: url(8001), count: 30 });
    expect(failures).toEqual([]);
    expect(sequence).toEqual(Array.from({ length: 30 }, (_, i) => `server${(i % 3) + 1}`));
  });

  it('wrr gives each server its weight in every cycle', async () => {
    const { sequence, failures } = await clients[0]!.requests({ url: url(8002), count: 36 });
    expect(failures).toEqual([]);
    for (let at = 0; at < 36; at += 6) {
      const cycle = sequence.slice(at, at + 6);
      const count = (name: string) => cycle.filter((one) => one === name).length;
      expect(shares(count('server1'), count('server2'), count('server3'))).toEqual(shares(3, 2, 1));
    }
  });

  it.each([
    { port: 8001, scheduler: 'rr', each: shares(80, 80, 80) },
    { port: 8002, scheduler: 'wrr', each: shares(120, 80, 40) },
  ])('$scheduler is exact in the sum of two clients on two CPUs at once', async ({ port, each }) => {
    const results = await Promise.all(
      clients.map((client) => client.requests({ url: url(port), count: 120, concurrency: 4 })),
    );
    expect(results.flatMap((one) => one.failures)).toEqual([]);
    const total = (name: string) => results.reduce((sum, one) => sum + (one.byServer[name] ?? 0), 0);
    expect(shares(total('server1'), total('server2'), total('server3'))).toEqual(each);
  });

  it('wrr holds for UDP, a connection being a client address and port', async () => {
    const sockets = 12;
    const result = await clients[1]!.udp({ address: vip, port: 5007, count: 3 * sockets, sockets });
    expect(result).toMatchObject({ lost: 0, wrong: [], byServer: shares(18, 12, 6) });
    // Each socket stays with its server.
    expect(result.sequence.slice(sockets)).toEqual(result.sequence.slice(0, -sockets));
  });

  it('lc looks at the connections there are: a server that comes later is filled up first', async () => {
    await director.reload(config(undefined, 1));
    const early = await clients[0]!.hold({ address: vip, port: 7003, count: 4 });
    await director.reload(config());
    const late = await clients[1]!.hold({ address: vip, port: 7003, count: 8 });
    expect((await early.poke()).byServer).toEqual({ server1: 4 });
    expect((await late.poke()).byServer).toEqual({ server2: 4, server3: 4 });
    const { servers } = await director.service(`tcp ${vip}:7003`);
    expect(servers.map(({ active, inactive }) => [active, inactive])).toEqual([
      [4, 0],
      [4, 0],
      [4, 0],
    ]);
    // All are even now; a server whose connections end gets the next ones.
    expect((await early.close()).alive).toBe(4);
    await expect
      .poll(async () => (await director.service(`tcp ${vip}:7003`)).servers[0], patience)
      .toMatchObject({ active: 0, inactive: 0 });
    const next = await clients[0]!.hold({ address: vip, port: 7003, count: 3 });
    expect((await next.close()).byServer).toEqual({ server1: 3 });
    await late.close();
  });

  it('wlc looks at the connections per weight, from two clients at once too', async () => {
    const held = await clients[0]!.hold({ address: vip, port: 7004, count: 12 });
    expect((await held.poke()).byServer).toEqual(shares(6, 4, 2));
    const more = await clients[1]!.hold({ address: vip, port: 7004, count: 12 });
    expect((await more.poke()).byServer).toEqual(shares(6, 4, 2));
    // Two that open at once may each see the other's not yet counted, so a server can be one or two off.
    const both = await Promise.all(
      clients.map((client) => client.hold({ address: vip, port: 7004, count: 12 })),
    );
    expect(both.map(({ opened }) => opened)).toEqual([12, 12]);
    const { servers } = await director.service(`tcp ${vip}:7004`);
    const active = servers.map((server) => server.active);
    expect(active.reduce((sum, one) => sum + one, 0)).toBe(48);
    for (const [i, even] of [24, 16, 8].entries()) expect(Math.abs(active[i]! - even)).toBeLessThanOrEqual(2);
    for (const one of [held, more, ...both]) expect((await one.close()).dead).toEqual([]);
  });

  it('weight 0 keeps what runs and takes nothing new', async () => {
    const held = await clients[0]!.hold({ address: vip, port: 7004, count: 6 });
    const before = (await held.poke()).byServer;
    expect(before['server1']).toBeGreaterThan(0);
    await director.reload(config([0, 2, 1]));
    expect((await clients[1]!.requests({ url: url(8002), count: 30 })).byServer).toEqual({
      server2: 20,
      server3: 10,
    });
    const later = await clients[1]!.hold({ address: vip, port: 7004, count: 6 });
    expect((await later.close()).byServer['server1']).toBeUndefined();
    expect(await held.poke()).toEqual({ alive: 6, byServer: before, dead: [] });
    // And back: nothing of it has to end first.
    await director.reload(config());
    expect((await clients[1]!.requests({ url: url(8002), count: 6 })).byServer).toEqual(shares(3, 2, 1));
    expect(await held.close()).toEqual({ alive: 6, byServer: before, dead: [] });
  });

  it('a service whose servers all have weight 0 refuses to guess', async () => {
    await director.reload(config([0, 0, 0]));
    const before = (await director.verdicts())['no_server'] ?? 0;
    const result = await clients[0]!.requests({ url: url(8002), count: 2, timeout: 300 });
    expect(result).toMatchObject({ completed: 0, failed: 2 });
    expect((await director.verdicts())['no_server']).toBeGreaterThanOrEqual(before + 2);
    await director.reload(config());
    expect((await clients[0]!.requests({ url: url(8002), count: 6 })).byServer).toEqual(shares(3, 2, 1));
  });

  it('two services share a server, even for one client port towards both (TCP)', async () => {
    const before = (await director.verdicts())['port_changed'] ?? 0;
    // Below those that the clients' kernels give out themselves: an earlier request may have one of these still.
    const sourcePort = 21_000;
    const one = await clients[0]!.hold({ address: vip, port: 7005, count: 3, sourcePort });
    const other = await clients[0]!.hold({ address: vip, port: 7006, count: 3, sourcePort });
    expect([one.opened, other.opened]).toEqual([3, 3]);
    for (const held of [one, other, one])
      expect(await held.poke()).toEqual({ alive: 3, byServer: { server1: 3 }, dead: [] });
    const list = await director.connections('--client', `${director.lab.clients[0]!.ipv4}:${sourcePort}`);
    expect(list.map(({ virtual }) => virtual.port).sort()).toEqual([7005, 7006]);
    const seen = list.map((connection) => connection.client_port_at_server);
    expect(seen.filter((port) => port === sourcePort)).toHaveLength(1);
    expect(new Set(seen).size).toBe(2);
    expect((await director.verdicts())['port_changed']).toBe(before + 3);
    const counts = await Promise.all([7005, 7006].map((port) => director.service(`tcp ${vip}:${port}`)));
    for (const { conns, servers } of counts) {
      expect(conns).toBe(3);
      expect(servers[0]).toMatchObject({ active: 3, conns: 3 });
    }
    for (const held of [one, other]) expect((await held.close()).alive).toBe(3);
  });

  it('two services share a server, even for one client port towards both (UDP)', async () => {
    const before = (await director.verdicts())['port_changed'] ?? 0;
    for (const port of [5005, 5006, 5005, 5006]) {
      const result = await clients[1]!.udp({ address: vip, port, count: 4, sockets: 2, sourcePort: 22_000 });
      expect(result).toMatchObject({ answered: 4, lost: 0, wrong: [], byServer: { server1: 4 } });
    }
    expect((await director.verdicts())['port_changed']).toBe(before + 2);
  });

  it('counts come down to nothing once all has ended, and never disagreed with the table', async () => {
    await director.drain();
    expect(await director.connections()).toEqual([]);
    expect(director.errors()).toEqual([]);
  });
});

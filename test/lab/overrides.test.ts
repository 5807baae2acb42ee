/** What an operator says of servers, over what is configured: kept over reloads and restarts, and no connection breaks. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServerStatus } from '../../src/core/health/status.ts';
import type { Override } from '../../src/core/model/override.ts';
import { type LabClient, labClient } from '../../src/lab/client-api.ts';
import type { LabProcess } from '../../src/lab/process.ts';
import { labVip } from '../../src/lab/topology.ts';
import { type DirectorLab, directorLab, draft, nextEvent, serversOn } from './director-lab.ts';

const vip = labVip.ipv4;
const url = `http://${vip}/`;
const key = `tcp ${vip}:80`;

describe('overrides', () => {
  let director: DirectorLab;
  let daemon: LabProcess;
  let client: LabClient;

  const config = (weights: readonly number[] = []) => {
    const { servers } = director.lab;
    const rr = { protocol: 'tcp', address: vip, scheduler: 'rr' } as const;
    return draft([
      { ...rr, port: 80, servers: serversOn(servers, 80, weights) },
      { ...rr, port: 7, servers: serversOn(servers, 7) },
    ]);
  };
  const weir = (...words: string[]) => director.weir.run(words);
  const spread = async () => (await client.requests({ url, count: 12 })).byServer;
  const weights = async () =>
    (await director.service(key)).servers.filter((one) => !one.leaving).map(({ weight }) => weight);
  const overrides = async () => JSON.parse(await weir('overrides', '-o', 'json')) as readonly Override[];

  beforeAll(async () => {
    director = await directorLab();
    client = labClient(director.lab, director.lab.clients[0]!);
    await director.write(config());
    daemon = await director.start();
  });
  afterAll(() => director?.close());

  it('drain a server in all services: no new connections, and those it has go on', async () => {
    const held = await client.hold({ address: vip, port: 7, count: 6 });
    const said = await weir('drain', '192.168.1.102', '--reason', 'new disks');
    expect(said).toContain(`192.168.1.102:7 of tcp ${vip}:7: drained; 2 connections left\n`);
    expect(await spread()).toEqual({ server1: 6, server3: 6 });
    expect((await held.poke()).alive).toBe(6);
    expect(await weir('servers', '--no-headers')).toMatch(
      /192\.168\.1\.102:80 .* 0 .* drained since \S+ \(new disks\)/,
    );
    expect(await held.close()).toMatchObject({ alive: 6, dead: [] });
    await expect
      .poll(async () => (await director.service(`tcp ${vip}:7`)).servers[1], {
        timeout: 15_000,
        interval: 100,
      })
      .toMatchObject({ weight: 0, active: 0, inactive: 0, leaving: false });
  });

  it('outlive a reload, a kill -9 and a start, and show in weir diff', async () => {
    await director.reload(config([3, 3, 3]));
    expect(await weights()).toEqual([3, 0, 3]);
    const { code, stdout } = await director.weir.exec(['diff']);
    expect(code).toBe(0);
    expect(stdout).toContain(`override: 192.168.1.102:80 of ${key} is drained since`);
    daemon.signal('SIGKILL');
    await daemon.ended;
    daemon = await director.start();
    expect(await weights()).toEqual([3, 0, 3]);
    expect((await overrides()).map(({ server, state }) => `${server} ${state}`).sort()).toEqual([
      '192.168.1.102:7 drain',
      '192.168.1.102:80 drain',
    ]);
    await director.reload(config());
  });

  it('are taken back for one service or all', async () => {
    await weir('undrain', '192.168.1.102', '--service', `tcp/${vip}:80`);
    expect(await spread()).toEqual({ server1: 4, server2: 4, server3: 4 });
    expect((await overrides()).map(({ server }) => server)).toEqual(['192.168.1.102:7']);
    await weir('undrain', '192.168.1.102');
    expect(await overrides()).toEqual([]);
  });

  it('drain until a deadline, over a kill -9, and then disable; what is still open goes on', async () => {
    const held = await client.hold({ address: vip, port: 7, count: 6 });
    const empty = nextEvent(daemon, 'drain_empty');
    await weir('drain', '192.168.1.102', '--deadline', '8s', '--reason', 'new disks');
    expect(await empty).toMatchObject({ service: key, server: '192.168.1.102:80', remembered: 0 });
    const before = await overrides();
    expect(before.map(({ state }) => state)).toEqual(['drain', 'drain']);
    daemon.signal('SIGKILL');
    await daemon.ended;
    daemon = await director.start();
    expect(await overrides()).toEqual(before);
    expect(await weir('overrides', '--no-headers')).toMatch(
      /192\.168\.1\.102:7 .* 2 .*drained since \S+ until \S+ \(new disks\)/,
    );
    const over = nextEvent(daemon, 'drain_deadline');
    expect(await over).toMatchObject({
      server: expect.stringContaining('192.168.1.102'),
      state: 'drain',
      connections: expect.any(Number),
      on_down: 'keep',
    });
    await expect.poll(weights, { interval: 50 }).toEqual([1, 1]);
    expect((await overrides()).map(({ state, since }) => [state, since])).toEqual(
      before.map(({ deadline }) => ['down', deadline]),
    );
    // What is left is said where one looks, and kept.
    expect(await weir('servers')).toMatch(
      /192\.168\.1\.102:7 .* disabled since \S+ \(new disks\); 2 connections left/,
    );
    expect(await weir('servers', '--history')).toMatch(
      /192\.168\.1\.102:7 .* disabled +the drain is over, with 2 connections left/,
    );
    expect((await held.poke()).alive).toBe(6);
    expect(await held.close()).toMatchObject({ alive: 6, dead: [] });
    await weir('undrain', '192.168.1.102');
    expect(await weights()).toEqual([1, 1, 1]);
  });

  it('disable a server: it leaves its service, and comes back', async () => {
    const load = await client.startRequests({ url, concurrency: 2, perSecond: 100 });
    await load.reached(20);
    await weir('disable', '192.168.1.103:80');
    expect(await weights()).toEqual([1, 1]);
    const servers = JSON.parse(await weir('servers', key.replace(' ', '/'), '-o', 'json')) as ServerStatus[];
    expect(servers[2]).toMatchObject({
      weight: 0,
      configured_weight: 1,
      factors: [{ name: 'admin', value: 0 }],
    });
    await load.reached(load.progress().count + 40);
    await weir('enable', '192.168.1.103:80');
    expect(await weights()).toEqual([1, 1, 1]);
    await load.reached(load.progress().count + 40);
    const result = await load.stop();
    expect(result.failed).toBe(0);
    expect(director.errors()).toEqual([]);
  });

  it('know only servers that there are', async () => {
    expect(await director.weir.exec(['drain', '192.168.1.99'])).toMatchObject({ code: 3 });
  });
});

/** Reloads while traffic goes on: none is lost, whatever changes, and a bad file changes nothing. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sha256OfPattern } from '../../src/lab/bytes.ts';
import type { RequestsResult } from '../../src/lab/client/wire.ts';
import { type LabClient, labClient, type Running } from '../../src/lab/client-api.ts';
import type { LabProcess } from '../../src/lab/process.ts';
import { labVip } from '../../src/lab/topology.ts';
import { type DirectorLab, type Draft, directorLab, draft, nextEvent, serversOn } from './director-lab.ts';

const vip = labVip.ipv4;
const url = `http://${vip}/`;
const key = `tcp ${vip}:80`;
/** For what the daemon does by itself, in its own time. */
const patience = { timeout: 20_000, interval: 200 };

describe('reload', () => {
  let director: DirectorLab;
  let daemon: LabProcess;
  let client: LabClient;

  /** HTTP on port 80 as said, and an echo on port 7 on the first two servers. */
  const config = (weights: readonly number[], scheduler = 'wrr', echoServers = 2): Draft => {
    const { servers } = director.lab;
    return draft([
      {
        protocol: 'tcp',
        address: vip,
        port: 80,
        scheduler,
        servers: serversOn(servers.slice(0, weights.length), 80, weights),
      },
      {
        protocol: 'tcp',
        address: vip,
        port: 7,
        scheduler: 'rr',
        servers: serversOn(servers.slice(0, echoServers), 7),
      },
    ]);
  };
  const whoAnswers = async (count: number) => (await client.requests({ url, count })).byServer;

  beforeAll(async () => {
    director = await directorLab({ clients: 2 });
    await director.write(config([1, 1]));
    daemon = await director.start();
    client = labClient(director.lab, director.lab.clients[0]!);
  });
  afterAll(() => director?.close());

  describe('under load', () => {
    let load: Running<RequestsResult>;
    /** Waits until the load has gone on for a while. */
    const goOn = () => load.reached(load.progress().count + 40);

    beforeEach(async () => {
      load = await labClient(director.lab, director.lab.clients[1]!).startRequests({
        url,
        concurrency: 8,
        perSecond: 300,
      });
      await goOn();
    });
    afterEach(async () => {
      const result = await load.stop();
      expect(result.failures).toEqual([]);
      expect(result.completed).toBeGreaterThan(80);
    });

    it.each([
      { what: 'other weights', to: [[3, 1], 'wrr'] },
      { what: 'one server more', to: [[3, 1, 4], 'wrr'] },
      { what: 'two servers fewer', to: [[1], 'wrr'] },
      { what: 'another scheduler', to: [[1, 7], 'rr'] },
    ] as const)('loses no request: $what, by weir reload', async ({ to: [weights, scheduler] }) => {
      await director.reload(config(weights, scheduler));
      await goOn();
    });

    it('loses no request by SIGHUP, ten times in a row', async () => {
      for (let round = 0; round < 10; round += 1) {
        await director.write(config([1 + (round % 3), 1, round % 2], round % 2 === 0 ? 'wrr' : 'lc'));
        const reloaded = nextEvent(daemon, 'reloaded');
        daemon.signal('SIGHUP');
        await reloaded;
      }
      await goOn();
    });

    it('refuses a bad file with its line and column, and goes on as before', async () => {
      await director.reload(config([1, 1]));
      const bad = `director:
  public: eth0
  private: eth1
services:
  - protocol: tcp
    address: ${vip}
    port: 80
    scheduler: wrrr
    servers:
      - {address: 192.168.1.103, wieght: 3}
`;
      await director.weir.writeConfig(bad);
      const refused = await director.weir.exec(['reload']);
      expect(refused.code).toBe(5);
      expect(refused.stderr).toContain(`${director.weir.configFile}:8:16: `);
      expect(refused.stderr).toContain('wrr');
      expect(refused.stderr).toContain(`${director.weir.configFile}:10:34: `);
      expect(refused.stderr).toContain('weight');
      // By signal the same, and the log says it.
      const event = nextEvent(daemon, 'reload_refused');
      daemon.signal('SIGHUP');
      expect((await event)['problems']).toHaveLength(2);
      await goOn();
      const service = await director.service(key);
      expect(service.scheduler).toBe('wrr');
      expect(service.servers.filter(({ leaving }) => !leaving).map(({ weight }) => weight)).toEqual([1, 1]);
      expect((await director.weir.exec(['diff'])).code).toBe(5);
      expect((await director.weir.exec(['check'])).code).toBe(5);
      await director.reload(config([1, 1]));
    });
  });

  it.each([
    { weights: [3, 1], scheduler: 'wrr', answers: { server1: 6, server2: 2 } },
    { weights: [3, 1, 4], scheduler: 'wrr', answers: { server1: 3, server2: 1, server3: 4 } },
    { weights: [1], scheduler: 'wrr', answers: { server1: 8 } },
    { weights: [1, 7], scheduler: 'rr', answers: { server1: 4, server2: 4 } },
  ])('takes effect for the next connection: $scheduler $weights', async ({ weights, scheduler, answers }) => {
    await director.reload(config(weights, scheduler));
    expect(await whoAnswers(8)).toEqual(answers);
  });

  it('diff says what a reload would do: 1 while there is something, 0 afterwards', async () => {
    await director.reload(config([2, 1]));
    expect(await director.weir.exec(['diff'])).toMatchObject({ code: 0, stdout: 'no changes\n' });
    await director.write(config([2, 5]));
    const different = await director.weir.exec(['diff']);
    expect(different.code).toBe(1);
    expect(different.stdout).toContain('192.168.1.102:80');
    expect(different.stdout).toMatch(/1 → 5/);
    // It only says so.
    expect(await whoAnswers(6)).toEqual({ server1: 4, server2: 2 });
    await director.weir.run(['reload']);
    expect((await director.weir.exec(['diff'])).code).toBe(0);
    const other = join(director.lab.runDir, 'other.yaml');
    await writeFile(other, JSON.stringify(config([2, 5, 1])));
    expect((await director.weir.exec(['diff', other])).code).toBe(1);
    expect((await director.weir.exec(['diff', join(director.lab.runDir, 'none.yaml')])).code).toBe(2);
  });

  it('connections of a removed server go on until they end, and then the server is gone', async () => {
    await director.reload(config([1, 1]));
    const held = await client.hold({ address: vip, port: 7, count: 6 });
    expect((await held.poke()).byServer).toEqual({ server1: 3, server2: 3 });
    await director.reload(config([1, 1], 'wrr', 1));
    const later = await client.hold({ address: vip, port: 7, count: 4 });
    expect((await later.close()).byServer).toEqual({ server1: 4 });
    expect(await held.poke()).toMatchObject({ alive: 6, byServer: { server1: 3, server2: 3 } });
    const leaving = async () =>
      (await director.service(`tcp ${vip}:7`)).servers.find(({ address }) => address === '192.168.1.102');
    expect(await leaving()).toMatchObject({ leaving: true, active: 3, weight: 0 });
    expect(await held.close()).toMatchObject({ alive: 6, dead: [] });
    await expect.poll(leaving, patience).toBeUndefined();
  });

  it('a server that comes back while its connections still run counts them on', async () => {
    await director.reload(config([1, 1]));
    const held = await client.hold({ address: vip, port: 7, count: 4 });
    await director.reload(config([1, 1], 'wrr', 1));
    await director.reload(config([1, 1], 'wrr', 2));
    const { servers } = await director.service(`tcp ${vip}:7`);
    expect(servers.map(({ active, leaving }) => [active, leaving])).toEqual([
      [2, false],
      [2, false],
    ]);
    expect(await held.close()).toMatchObject({ alive: 4, byServer: { server1: 2, server2: 2 } });
  });

  it('connections of a removed service go on until they end, and nobody new gets in', async () => {
    await director.reload(config([1, 1]));
    // Long enough to be still under way after the two verbs, on a busy machine as well.
    const length = 1_200_000;
    const download = await client.startDownload({ url: `${url}slow/${length}/200000` });
    await download.reached(40_000);
    const held = await client.hold({ address: vip, port: 7, count: 2 });
    await director.reload(draft([]));
    expect((await director.services()).map(({ leaving }) => leaving)).toEqual([true, true]);
    expect(await client.requests({ url, count: 1, timeout: 1_000 })).toMatchObject({ failed: 1 });
    expect(await download.result).toMatchObject({ bytes: length, sha256: sha256OfPattern(length) });
    expect(await held.close()).toMatchObject({ alive: 2, dead: [] });
    await director.reload(config([1, 1]));
    expect(await whoAnswers(4)).toEqual({ server1: 2, server2: 2 });
  });

  it('afterwards nothing is left in the tables, and the counters never disagreed with them', async () => {
    await director.drain();
    expect(director.errors('reload_refused')).toEqual([]);
  });
});

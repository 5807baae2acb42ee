/** A version with other tables takes over: connections stay where they are until they end, new ones come to the new plane. */
import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Status } from '../../src/api/control.ts';
import type { ServiceCounters } from '../../src/core/model/counters.ts';
import { LAYOUT } from '../../src/dataplane/bpf/contract.generated.ts';
import { sha256OfPattern } from '../../src/lab/bytes.ts';
import { type LabClient, labClient } from '../../src/lab/client-api.ts';
import type { LabProcess } from '../../src/lab/process.ts';
import { labVip } from '../../src/lab/topology.ts';
import { type LabWeir, labWeir } from '../../src/lab/weir.ts';
import { type DirectorLab, directorLab, draft, nextEvent, serversOn, serversOn6 } from './director-lab.ts';
import { filtersOn, tcxPrograms } from './foreign.ts';
import { buildNextVersion, type NextVersion } from './next-version.ts';
import { pinsOf } from './snapshot.ts';

const vip = labVip.ipv4;
const url = `http://${vip}/`;
const all = { server1: 2, server2: 2, server3: 2 };

describe('an upgrade over a changed layout', () => {
  let director: DirectorLab;
  let next: NextVersion;
  let client: LabClient;
  let other: LabClient;
  let weir: Record<'old' | 'new', LabWeir>;
  let daemon: LabProcess;

  /** Echo over both families by lc, so that shares can be told; the web by rr. */
  const write = (more: { attach?: string; forwarding?: string; retire_after?: string } = {}) => {
    const { servers } = director.lab;
    return director.write(
      draft(
        [
          { protocol: 'tcp', address: vip, port: 80, scheduler: 'rr', servers: serversOn(servers, 80) },
          { protocol: 'tcp', address: vip, port: 7, scheduler: 'lc', servers: serversOn(servers, 7) },
          {
            protocol: 'tcp',
            address: labVip.ipv6,
            port: 7,
            scheduler: 'lc',
            servers: serversOn6(servers, 7),
          },
          { protocol: 'udp', address: vip, port: 5353, scheduler: 'rr', servers: serversOn(servers, 5353) },
        ],
        { director: { public: 'eth0', private: 'eth1', ...more } },
      ),
    );
  };
  const start = async (version: 'old' | 'new'): Promise<LabProcess> => {
    daemon = director.watch(await weir[version].start());
    return daemon;
  };
  const stop = async (signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> => {
    daemon.signal(signal);
    await daemon.ended;
  };
  const json = async <T>(...words: string[]): Promise<T> =>
    JSON.parse(await weir.old.run([...words, '-o', 'json'])) as T;
  const status = async () => (await json<{ daemon: Status }>('status')).daemon;
  const retiring = async () => (await status()).retiring;
  const conns = async (key: string): Promise<number | undefined> =>
    (await json<ServiceCounters[]>('services')).find((one) => one.key === key)?.conns;
  const layouts = () => pinsOf(director.lab).filter((path) => !path.includes('/'));

  /** How many of ours each interface has, by either mechanism. */
  const programs = async () => {
    const links = await tcxPrograms(director.lab);
    const count = async (name: string) =>
      links[name]! + ((await filtersOn(director.lab, name)).match(/handle 0x77656972 /g)?.length ?? 0);
    return { eth0: await count('eth0'), eth1: await count('eth1') };
  };
  /** Starts the old version, its programs attached that way; `stack` is by TCX, and packets go by the stack. */
  const begin = async (way?: string) => {
    await write(
      way === 'stack' ? { attach: 'tcx', forwarding: 'stack' } : way === undefined ? {} : { attach: way },
    );
    await start('old');
  };

  beforeAll(async () => {
    next = await buildNextVersion();
    director = await directorLab({ clients: 2 });
    const { lab } = director;
    weir = { old: labWeir(lab), new: labWeir(lab, next.program) };
    [client, other] = lab.clients.map((host) => labClient(lab, host)) as [LabClient, LabClient];
  }, 240_000);
  afterAll(async () => {
    await director?.close();
    next?.remove();
  });
  afterEach(async () => {
    await weir.old.run(['down']);
    await daemon.ended;
    expect(layouts()).toEqual([]);
    expect(await programs()).toEqual({ eth0: 0, eth1: 0 });
    expect(director.errors()).toEqual([]);
  });

  it.each(['tcx', 'clsact', 'stack'])(
    'by %s: keeps every connection, gives new ones to the new plane, and ends the old one when it is empty',
    async (attach) => {
      await begin(attach);
      const length = 1_200_000;
      const held = await client.hold({ address: vip, count: 6 });
      const held6 = await client.hold({ address: labVip.ipv6, count: 3 });
      const download = await other.startDownload({ url: `${url}slow/${length}/400000` });
      const load = await other.startRequests({ url, concurrency: 4, perSecond: 150 });
      await download.reached(100_000);
      await load.reached(20);
      await stop();
      await start('new');
      expect(daemon.output()).toContain('"event":"plane_succeeded"');
      expect(layouts()).toEqual([LAYOUT, next.layout].sort());
      expect(await programs()).toEqual({ eth0: 2, eth1: 2 });

      const before = (await conns(`tcp ${vip}:80`))!;
      await load.reached(load.progress().count + 40);
      expect(await conns(`tcp ${vip}:80`)).toBeGreaterThanOrEqual(before + 40);
      expect((await load.stop()).failures).toEqual([]);
      expect(await download.result).toMatchObject({ bytes: length, sha256: sha256OfPattern(length) });
      // Old ones are not among the new plane's.
      expect(await conns(`tcp ${vip}:7`)).toBe(0);
      expect(await held.poke()).toMatchObject({ byServer: all, dead: [] });

      // The download and the load are over: only what is held is left.
      await expect.poll(retiring, { timeout: 15_000 }).toMatchObject([{ layout: LAYOUT, connections: 9 }]);
      expect((await weir.new.run(['status'])).replaceAll(/\s+/g, ' ')).toContain(
        `older plane ${LAYOUT} finishes 9 connections`,
      );
      const retired = nextEvent(daemon, 'plane_retired');
      expect(await held.close()).toMatchObject({ byServer: all, dead: [] });
      expect((await held6.close()).dead).toEqual([]);
      expect(await retired).toMatchObject({ layout: LAYOUT, why: 'empty', connections: 0 });
      expect(layouts()).toEqual([next.layout]);
      expect(await programs()).toEqual({ eth0: 1, eth1: 1 });
      expect(await retiring()).toEqual([]);
      expect((await client.requests({ url, count: 6 })).failures).toEqual([]);
    },
  );

  it('goes on after a kill -9 with the same deadline, and at the deadline what is left ends', async () => {
    await begin();
    const held = await client.hold({ address: vip, count: 6 });
    await stop();
    await start('new');
    await expect.poll(retiring).toMatchObject([{ connections: 6 }]);
    const [begun] = await retiring();
    await stop('SIGKILL');
    expect(await held.poke()).toMatchObject({ byServer: all });
    await start('new');
    const [still] = await retiring();
    expect(Math.abs(Date.parse(still!.since) - Date.parse(begun!.since))).toBeLessThan(1_500);
    expect(daemon.output()).not.toContain('plane_succeeded');
    // The deadline is the configuration's: a reload brings it nearer.
    const retired = nextEvent(daemon, 'plane_retired');
    await write({ retire_after: '1s' });
    await weir.new.run(['reload']);
    expect(await retired).toMatchObject({ layout: LAYOUT, why: 'deadline', connections: 6 });
    expect(await held.close()).toMatchObject({ alive: 0 });
    expect(layouts()).toEqual([next.layout]);
    expect((await client.requests({ url, count: 6 })).failures).toEqual([]);
  });

  it.each(['tcx', 'clsact'])('by %s: can be gone back on while both have connections', async (attach) => {
    await begin(attach);
    const early = await client.hold({ address: vip, count: 6 });
    expect((await client.udp({ address: vip, count: 3, sourcePort: 22_000 })).byServer).toEqual({
      server1: 3,
    });
    await stop();
    await start('new');
    const late = await client.hold({ address: vip, count: 6 });
    expect(await conns(`tcp ${vip}:7`)).toBe(6);
    await stop();
    await start('old');
    expect(daemon.output()).toContain(`"layout":"${next.layout}"`);
    expect(await early.poke()).toMatchObject({ byServer: all, dead: [] });
    expect(await late.poke()).toMatchObject({ byServer: all, dead: [] });
    const before = (await conns(`tcp ${vip}:80`))!;
    expect((await client.requests({ url, count: 6 })).failures).toEqual([]);
    expect(await conns(`tcp ${vip}:80`)).toBe(before + 6);
    const retired = nextEvent(daemon, 'plane_retired');
    expect((await late.close()).dead).toEqual([]);
    expect(await retired).toMatchObject({ layout: next.layout, why: 'empty' });
    expect(layouts()).toEqual([LAYOUT]);
    expect((await early.close()).dead).toEqual([]);
  });

  it('cut short by a kill -9 at any moment is completed by the next start, and nobody notices', async () => {
    await begin();
    const held = await client.hold({ address: vip, count: 6 });
    const load = await other.startRequests({ url, concurrency: 4, perSecond: 100 });
    await load.reached(10);
    await stop('SIGKILL');
    const since = performance.now();
    await start('new');
    const whole = performance.now() - since;
    await stop('SIGKILL');
    const version = (round: number) => (round % 2 === 0 ? 'old' : 'new');
    for (let round = 0; round < 8; round += 1) {
      const cut = director.watch(await weir[version(round)].spawn());
      await Promise.race([
        new Promise((resolve) => setTimeout(resolve, (whole * (round + 1)) / 9)),
        cut.ended,
      ]);
      cut.signal('SIGKILL');
      expect((await cut.ended).signal, cut.output()).toBe('SIGKILL');
    }
    await start('new');
    await load.reached(load.progress().count + 20);
    expect((await load.stop()).failures).toEqual([]);
    expect(await held.poke()).toMatchObject({ byServer: all, dead: [] });
    const retired = nextEvent(daemon, 'plane_retired');
    expect((await held.close()).dead).toEqual([]);
    expect(await retired).toMatchObject({ layout: LAYOUT, why: 'empty' });
  });

  it('is refused where the plane that is there knows no retirement', async () => {
    await begin();
    await stop();
    unlinkSync(join(director.lab.pinDir, LAYOUT, 'retire'));
    const refused = await weir.new.exec(['run']);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('holds the data plane of another version of Weir');
    expect(layouts()).toEqual([LAYOUT]);
    expect((await client.requests({ url, count: 6 })).failures).toEqual([]);
    await start('old');
    // start_failed is what the refused one has said to its own log.
  });

  it('does not come before an old plane that is attached by clsact, though TCX would', async () => {
    await begin('clsact');
    const held = await client.hold({ address: vip, count: 6 });
    await stop();
    await write({ attach: 'tcx' });
    await start('new');
    expect(daemon.output()).toContain('attached by clsact');
    expect(await programs()).toEqual({ eth0: 2, eth1: 2 });
    expect(await held.poke()).toMatchObject({ byServer: all, dead: [] });
    const retired = nextEvent(daemon, 'plane_retired');
    await held.close();
    await retired;
    await stop();
    await start('new');
    expect(daemon.output()).toContain('attached by tcx');
    expect(await programs()).toEqual({ eth0: 1, eth1: 1 });
    expect(await tcxPrograms(director.lab)).toEqual({ eth0: 1, eth1: 1 });
  });

  it('is taken down as a whole', async () => {
    await begin();
    const held = await client.hold({ address: vip, count: 3 });
    await stop();
    await start('new');
    await weir.new.run(['down']);
    await daemon.ended;
    expect(layouts()).toEqual([]);
    expect(await programs()).toEqual({ eth0: 0, eth1: 0 });
    await held.close();
  });
});

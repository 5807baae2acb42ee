/** The daemon ends in every way there is: the traffic goes on, the counts stay, and `weir down` leaves no trace. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServiceCounters, Traffic } from '../../src/core/model/counters.ts';
import { sha256OfPattern } from '../../src/lab/bytes.ts';
import { type LabClient, labClient } from '../../src/lab/client-api.ts';
import type { LabProcess } from '../../src/lab/process.ts';
import { weirProgram } from '../../src/lab/programs.ts';
import { labVip } from '../../src/lab/topology.ts';
import { type DirectorLab, type Draft, directorLab, draft, serversOn } from './director-lab.ts';
import { attachForeignFilter, attachForeignTcx, compileForeign, filtersOn, tcxPrograms } from './foreign.ts';
import { pinsOf, snapshotHost } from './snapshot.ts';

const vip = labVip.ipv4;
const url = `http://${vip}/`;
const key = `tcp ${vip}:80`;

describe('restart', () => {
  let director: DirectorLab;
  let daemon: LabProcess;
  let client: LabClient;
  let other: LabClient;

  const config = (): Draft => {
    const { servers } = director.lab;
    return draft(
      [
        {
          protocol: 'tcp',
          address: vip,
          port: 80,
          scheduler: 'wrr',
          servers: serversOn(servers, 80, [3, 2, 1]),
        },
        { protocol: 'tcp', address: vip, port: 7, scheduler: 'lc', servers: serversOn(servers, 7) },
      ],
      {
        masquerade: [{ source: '192.168.1.0/24' }],
        host: { sysctls: { 'net.ipv4.tcp_fin_timeout': 31 } },
      },
    );
  };
  /** Ends the daemon without a chance to say goodbye. */
  const kill = async (): Promise<void> => {
    daemon.signal('SIGKILL');
    expect((await daemon.ended).signal).toBe('SIGKILL');
  };

  beforeAll(async () => {
    director = await directorLab({ clients: 2 });
    [client, other] = director.lab.clients.map((host) => labClient(director.lab, host)) as [
      LabClient,
      LabClient,
    ];
    await director.write(config());
    daemon = await director.start();
  });
  afterAll(() => director?.close());

  it('a kill -9 in the middle of a download does not touch it, nor does the next start', async () => {
    const length = 1_200_000;
    const download = await client.startDownload({ url: `${url}slow/${length}/400000` });
    const held = await other.hold({ address: vip, port: 7, count: 6 });
    await download.reached(100_000);
    await kill();
    await download.reached(download.progress().count + 100_000);
    daemon = await director.start();
    expect(download.progress().count).toBeLessThan(length);
    expect(await download.result).toMatchObject({ bytes: length, sha256: sha256OfPattern(length) });
    expect(await held.close()).toEqual({
      alive: 6,
      byServer: { server1: 2, server2: 2, server3: 2 },
      dead: [],
    });
  });

  it('loses no request by a kill -9 and a start under load, three times, and no count goes down', async () => {
    const load = await other.startRequests({ url, concurrency: 8, perSecond: 300 });
    let before = await director.service(key);
    for (let round = 0; round < 3; round += 1) {
      await load.reached(load.progress().count + 40);
      await kill();
      await load.reached(load.progress().count + 40);
      daemon = await director.start();
      const after = await director.service(key);
      expectNoLess(before, after);
      before = after;
    }
    const { completed, failures } = await load.stop();
    expect(failures).toEqual([]);
    expect(completed).toBeGreaterThanOrEqual(240);
  });

  it('counts are the same to the last byte after a kill -9, those made meanwhile included', async () => {
    const traffic = async () => (await director.services()).map(trafficOf);
    const before = await director.service(key);
    await kill();
    // Turns of wrr go on where they stood, too: 12 requests are two whole cycles from anywhere.
    expect((await client.requests({ url, count: 12 })).byServer).toEqual({
      server1: 6,
      server2: 4,
      server3: 2,
    });
    daemon = await director.start();
    const after = await director.service(key);
    expect(after.conns).toBe(before.conns + 12);
    expect(after.servers.map(({ conns }, i) => conns - before.servers[i]!.conns)).toEqual([6, 4, 2]);
    // At least SYN, ACK, request and FIN of each came in.
    expect(after.inpkts).toBeGreaterThanOrEqual(before.inpkts + 4 * 12);
    expect(after.outbytes).toBeGreaterThan(before.outbytes);
    const settled = await traffic();
    await kill();
    daemon = await director.start();
    expect(await traffic()).toEqual(settled);
  });

  it('SIGTERM ends the daemon and leaves the traffic running', async () => {
    daemon.signal('SIGTERM');
    expect(await daemon.ended).toEqual({ code: 0, signal: null });
    expect(await director.weir.exec(['services'])).toMatchObject({ code: 4 });
    expect((await client.requests({ url, count: 12 })).failures).toEqual([]);
    expect((await director.lab.run(director.lab.director, ['ip', 'address'])).includes(vip)).toBe(true);
    daemon = await director.start();
    expect(daemon.output()).toContain('found running');
    // All was as it should be: there was nothing left to do.
    expect(await director.weir.exec(['diff'])).toMatchObject({ code: 0 });
  });

  it('a SIGHUP while the daemon starts is a reload once it has, and a SIGTERM an end', async () => {
    await kill();
    daemon = director.watch(await director.weir.spawn());
    await daemon.waitForLine((line) => line.includes('"event":"plane_opened"'));
    daemon.signal('SIGHUP');
    await daemon.waitForLine((line) => line.includes('"event":"reloaded"'));
    await kill();
    daemon = director.watch(await director.weir.spawn());
    await daemon.waitForLine((line) => line.includes('"event":"plane_opened"'));
    daemon.signal('SIGTERM');
    expect(await daemon.ended).toEqual({ code: 0, signal: null });
    expect((await client.requests({ url, count: 6 })).failures).toEqual([]);
    daemon = await director.start();
  });

  it('a second daemon is refused, and the first goes on', async () => {
    const second = await director.weir.exec(['run']);
    expect(second.code).toBe(6);
    expect(second.stderr).toContain(`already running (pid ${daemon.pid}`);
    expect(await director.weir.exec(['diff'])).toMatchObject({ code: 0 });
    expect((await client.requests({ url, count: 6 })).failures).toEqual([]);
  });

  it.each(['run', 'down'])(
    'weir %s by another run directory does not touch what a living daemon works on',
    async (verb) => {
      const { lab, weir } = director;
      const places = [
        '--run-dir',
        `${lab.runDir}/other`,
        '--state-dir',
        lab.stateDir,
        '--pin-dir',
        lab.pinDir,
      ];
      const argv = [process.execPath, weirProgram(), verb, '--config', weir.configFile, ...places];
      const refused = await lab.exec(lab.director, argv);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain(`another weir works on ${lab.pinDir}`);
      expect((await client.requests({ url, count: 6 })).failures).toEqual([]);
    },
  );

  it('the counters never disagreed with the tables, and all of them come down to nothing', async () => {
    await director.drain();
    expect(director.errors()).toEqual([]);
    await director.weir.run(['down']);
    expect(await daemon.ended).toEqual({ code: 0, signal: null });
    expect(pinsOf(director.lab)).toEqual([]);
  });

  describe('weir down', () => {
    let before: Awaited<ReturnType<typeof snapshotHost>>;

    beforeAll(async () => {
      const { lab } = director;
      await director.weir.run(['down']);
      const object = await compileForeign(lab);
      await attachForeignTcx(lab, object, 'eth0');
      await attachForeignFilter(lab, object, 'eth1');
      const foreign = 'table inet weird { chain c { type filter hook forward priority 0; policy accept; }; }';
      await lab.run(lab.director, ['nft', '-f', '-'], { input: foreign });
      await lab.sysctl(lab.director, { 'net.ipv4.conf.eth1.rp_filter': 1, 'net.ipv4.tcp_fin_timeout': 44 });
      await lab.run(lab.director, ['ip', 'address', 'add', '203.0.113.77/24', 'dev', 'eth0']);
      before = await snapshotHost(lab);
      expect(await tcxPrograms(lab)).toEqual({ eth0: 1, eth1: 0 });
      await director.write(config());
    });

    const expectUntouched = async (): Promise<void> => {
      const { lab } = director;
      expect(pinsOf(lab)).toEqual([]);
      expect(await tcxPrograms(lab)).toEqual({ eth0: 1, eth1: 0 });
      expect(await filtersOn(lab, 'eth1')).toContain('count.bpf.o');
      expect(await snapshotHost(lab)).toEqual(before);
    };

    it.each(['with the daemon', 'without the daemon', 'after a kill -9'])(
      '%s removes everything, and only ours',
      async (how) => {
        daemon = await director.start();
        const during = await snapshotHost(director.lab);
        expect(during.firewall).toContain('table inet weir ');
        expect(during.sysctls).toContain('net.ipv4.tcp_fin_timeout = 31');
        expect(during.sysctls).toContain('net.ipv4.conf.eth1.rp_filter = 2');
        expect(JSON.stringify(during.addresses)).toContain(vip);
        expect(await tcxPrograms(director.lab)).toEqual({ eth0: 2, eth1: 1 });
        expect(pinsOf(director.lab).length).toBeGreaterThan(10);
        expect((await client.requests({ url, count: 6 })).failures).toEqual([]);
        if (how === 'without the daemon') expect((await daemon.stop()).code).toBe(0);
        if (how === 'after a kill -9') await kill();
        await director.weir.run(['down']);
        await daemon.ended;
        await expectUntouched();
        expect(await client.requests({ url, count: 1, timeout: 500 })).toMatchObject({ failed: 1 });
      },
    );

    it('where nothing is up does no harm', async () => {
      await director.weir.run(['down']);
      await expectUntouched();
    });

    it('a start cut short by a kill -9 at any moment can be made good by another, and taken down', async () => {
      const { seed } = fc.readConfigureGlobal();
      const random = randomFrom(seed ?? 1);
      // How long a whole start takes here tells which moments lie within one.
      const begin = performance.now();
      daemon = await director.start();
      const whole = performance.now() - begin;
      await kill();
      for (let round = 0; round < 8; round += 1) {
        // Half of them begin from nothing, the others find what the one before left.
        if (round % 2 === 0) await director.weir.run(['down']);
        const moment = Math.round(random() * whole);
        const cut = director.watch(await director.weir.spawn());
        await Promise.race([new Promise((resolve) => setTimeout(resolve, moment)), cut.ended]);
        cut.signal('SIGKILL');
        const end = await cut.ended;
        expect(end, `seed ${seed}, round ${round}, after ${moment} ms:\n${cut.output()}`).toEqual({
          code: null,
          signal: 'SIGKILL',
        });
      }
      daemon = await director.start();
      expect((await client.requests({ url, count: 12 })).byServer).toEqual({
        server1: 6,
        server2: 4,
        server3: 2,
      });
      expect(await director.weir.exec(['diff'])).toMatchObject({ code: 0 });
      await kill();
      await director.weir.run(['down']);
      await expectUntouched();
      expect(director.errors()).toEqual([]);
    });
  });
});

const names = ['conns', 'inpkts', 'outpkts', 'inbytes', 'outbytes'] as const;

function trafficOf(service: ServiceCounters): unknown {
  const own = (one: Traffic) => names.map((name) => one[name]);
  return { key: service.key, own: own(service), servers: service.servers.map(own) };
}

function expectNoLess(before: ServiceCounters, after: ServiceCounters): void {
  for (const name of names) {
    expect(after[name], name).toBeGreaterThanOrEqual(before[name]);
    for (const [i, server] of after.servers.entries())
      expect(server[name], `${server.address} ${name}`).toBeGreaterThanOrEqual(before.servers[i]![name]);
  }
}

/** Numbers in 0–1 that a seed repeats: a little mixing of bits is enough for moments. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    const mixed = Math.imul(state ^ (state >>> 15), state | 1);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

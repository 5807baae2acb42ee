/** Programs attached by filters under clsact, as on kernels without TCX: all that holds of TCX links holds of them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256OfPattern } from '../../src/lab/bytes.ts';
import { type LabClient, labClient } from '../../src/lab/client-api.ts';
import type { LabProcess } from '../../src/lab/process.ts';
import { labVip } from '../../src/lab/topology.ts';
import { type DirectorLab, directorLab, draft, nextEvent, serversOn, serversOn6 } from './director-lab.ts';
import { attachForeignFilter, compileForeign, filtersOn, tcxPrograms } from './foreign.ts';
import { pinsOf, snapshotHost } from './snapshot.ts';

const vip = labVip.ipv4;
const url = `http://${vip}/`;
const url6 = `http://[${labVip.ipv6}]/`;
const all = { server1: 2, server2: 2, server3: 2 };

describe('clsact', () => {
  let director: DirectorLab;
  let daemon: LabProcess;
  let client: LabClient;

  const write = (attach: 'tcx' | 'clsact' | 'auto') => {
    const { servers } = director.lab;
    const service = (address: string, port: number, protocol: 'tcp' | 'udp' = 'tcp') => {
      const of = address.includes(':') ? serversOn6 : serversOn;
      return { protocol, address, port, scheduler: 'rr', servers: of(servers, port) };
    };
    const services = [vip, labVip.ipv6].flatMap((address) => [
      service(address, 80),
      service(address, 7),
      service(address, 5353, 'udp'),
    ]);
    return director.write(draft(services, { director: { public: 'eth0', private: 'eth1', attach } }));
  };
  const run = (...argv: string[]) => director.lab.run(director.lab.director, argv);
  /** Ours, by priority, on each interface. */
  const filters = async () => {
    const of = async (name: string) =>
      [...(await filtersOn(director.lab, name)).matchAll(/pref (\d+) bpf .*handle 0x77656972 (\w+):/g)].map(
        ([, priority, program]) => `${priority} ${program?.replace(/:.*/, '')}`,
      );
    return { eth0: await of('eth0'), eth1: await of('eth1') };
  };
  const one = { eth0: ['20000 weir_public'], eth1: ['20000 weir_private'] };
  const none = { eth0: [], eth1: [] };
  const stop = async (signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM') => {
    daemon.signal(signal);
    await daemon.ended;
  };
  const serves = async () => {
    for (const target of [url, url6])
      expect((await client.requests({ url: target, count: 6 })).byServer).toEqual(all);
    for (const address of [vip, labVip.ipv6])
      expect(await client.udp({ address, count: 6, sockets: 6 })).toMatchObject({ byServer: all, lost: 0 });
  };

  beforeAll(async () => {
    director = await directorLab();
    client = labClient(director.lab, director.lab.clients[0]!);
    await write('clsact');
    daemon = await director.start();
  });
  afterAll(() => director?.close());

  it('balances both families and protocols, with one filter an interface and no link', async () => {
    expect(daemon.output()).toContain('attached by clsact');
    expect(await filters()).toEqual(one);
    expect(await tcxPrograms(director.lab)).toEqual({ eth0: 0, eth1: 0 });
    await serves();
  });

  it('leaves what is not ours to filters that come after, and nothing that is', async () => {
    const object = await compileForeign(director.lab);
    await run('tc', 'filter', 'add', 'dev', 'eth0', 'ingress', 'bpf', 'da', 'obj', object, 'sec', 'tc');
    await client.udp({ address: vip, port: 9999, count: 3, timeout: 100 });
    await serves();
    const shown = await filtersOn(director.lab, 'eth0');
    const id = /count\.bpf\.o.* id (\d+) /.exec(shown)?.[1];
    const { map_ids } = JSON.parse(await run('bpftool', '--json', 'prog', 'show', 'id', id!)) as {
      map_ids: number[];
    };
    const dumps = await Promise.all(
      map_ids.map(async (map) => run('bpftool', '--json', 'map', 'dump', 'id', String(map)).catch(() => '')),
    );
    const counts = dumps
      .filter((text) => text.includes('"formatted"'))
      .map((text) =>
        (JSON.parse(text) as { formatted: { value: number } }[]).map(({ formatted }) => formatted.value),
      )
      .find((values) => values.length === 3);
    expect(counts?.slice(1)).toEqual([3, 0]);
    await run('tc', 'filter', 'del', 'dev', 'eth0', 'ingress', 'pref', '49152');
  });

  it('a kill -9 leaves the filters at work, and the next start puts its own in their place', async () => {
    const length = 1_200_000;
    const download = await client.startDownload({ url: `${url}slow/${length}/400000` });
    const held = await client.hold({ address: labVip.ipv6, count: 6 });
    await download.reached(100_000);
    const before = await filtersOn(director.lab, 'eth0');
    await stop('SIGKILL');
    await download.reached(download.progress().count + 100_000);
    daemon = await director.start();
    expect(await filters()).toEqual(one);
    expect(await filtersOn(director.lab, 'eth0')).not.toEqual(before);
    expect(await download.result).toMatchObject({ bytes: length, sha256: sha256OfPattern(length) });
    expect(await held.close()).toMatchObject({ byServer: all, dead: [] });
  });

  it.each([
    ['a filter', ['filter', 'del', 'dev', 'eth1', 'ingress', 'pref', '20000']],
    ['the qdisc with all in it', ['qdisc', 'del', 'dev', 'eth0', 'clsact']],
  ])('%s deleted by hand comes back', async (_, words) => {
    const repaired = nextEvent(daemon, 'drift_repaired');
    await run('tc', ...words);
    expect(await repaired).toMatchObject({ step: 'attach' });
    expect(await filters()).toEqual(one);
    await serves();
  });

  it('another way of attaching takes over at the next start, and there is never one too many', async () => {
    const held = await client.hold({ address: vip, count: 6 });
    const load = await client.startRequests({ url: url6, perSecond: 200, concurrency: 4 });
    for (const [how, links, standing] of [
      ['auto', 1, none],
      ['clsact', 0, one],
      ['tcx', 1, none],
      ['clsact', 0, one],
    ] as const) {
      await write(how);
      expect((await director.weir.exec(['diff'])).stdout).toContain(
        `→ ${how} only when the daemon is started`,
      );
      await stop();
      daemon = await director.start();
      expect(await tcxPrograms(director.lab)).toEqual({ eth0: links, eth1: links });
      expect(await filters()).toEqual(standing);
      expect(await director.weir.exec(['diff'])).toMatchObject({ code: 0 });
      await load.reached(load.progress().count + 30);
    }
    expect((await load.stop()).failures).toEqual([]);
    expect(await held.close()).toMatchObject({ byServer: all, dead: [] });
  });

  it.each(['with the daemon', 'without the daemon', 'after a kill -9'])(
    'weir down %s removes everything, and only ours',
    async (how) => {
      const { lab } = director;
      await director.weir.run(['down']);
      await daemon.ended;
      // eth1 has a qdisc and a filter of somebody else's; eth0 has nothing.
      const object = await compileForeign(lab);
      await attachForeignFilter(lab, object, 'eth1');
      const before = await snapshotHost(lab);
      const qdiscs = await run('tc', 'qdisc');
      daemon = await director.start();
      expect(await filters()).toEqual(one);
      await serves();
      if (how === 'without the daemon') await stop();
      if (how === 'after a kill -9') await stop('SIGKILL');
      await director.weir.run(['down']);
      await daemon.ended;
      expect(pinsOf(lab)).toEqual([]);
      expect(await run('tc', 'qdisc')).toBe(qdiscs);
      expect(await snapshotHost(lab)).toEqual(before);
      await run('tc', 'qdisc', 'del', 'dev', 'eth1', 'clsact');
    },
  );

  it('has logged no error', () => {
    expect(director.errors()).toEqual([]);
  });
});

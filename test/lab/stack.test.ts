/** Balanced packets go by the host's stack: its netfilter rules see them, and decide. */
import { readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sha256OfPattern } from '../../src/lab/bytes.ts';
import { type LabClient, labClient } from '../../src/lab/client-api.ts';
import type { LabProcess } from '../../src/lab/process.ts';
import { labVip } from '../../src/lab/topology.ts';
import { type DirectorLab, directorLab, draft, nextEvent, serversOn, serversOn6 } from './director-lab.ts';
import { tcxPrograms } from './foreign.ts';
import { pinsOf, snapshotHost } from './snapshot.ts';

const VIPS = { ipv4: labVip.ipv4, ipv6: labVip.ipv6 } as const;
const INSIDE = { ipv4: 'ip daddr 192.168.1.0/24', ipv6: 'ip6 daddr fd00:192:168:1::/64' } as const;
const FAMILIES = ['ipv4', 'ipv6'] as const;
const all = { server1: 2, server2: 2, server3: 2 };
const urlOf = (family: 'ipv4' | 'ipv6') => `http://${family === 'ipv6' ? `[${VIPS.ipv6}]` : VIPS.ipv4}/`;

describe.each(['tcx', 'clsact'])('stack, attached by %s', (attach) => {
  let director: DirectorLab;
  let daemon: LabProcess;
  let client: LabClient;

  const write = (forwarding: 'redirect' | 'stack') => {
    const { servers } = director.lab;
    const services = Object.values(VIPS).flatMap((address) =>
      (
        [
          ['tcp', 80],
          ['tcp', 7],
          ['udp', 5353],
        ] as const
      ).map(([protocol, port]) => {
        const of = address.includes(':') ? serversOn6 : serversOn;
        return { protocol, address, port, scheduler: 'rr', servers: of(servers, port) };
      }),
    );
    const more = {
      director: { public: 'eth0', private: 'eth1', attach, forwarding },
      masquerade: [{ source: '192.168.1.0/24' }, { source: 'fd00:192:168:1::/64' }],
    };
    return director.write(draft(services, more));
  };
  const forward = async (forwarding: 'redirect' | 'stack') => {
    await write(forwarding);
    await director.weir.run(['reload']);
  };
  const run = (argv: string[], input = '') => director.lab.run(director.lab.director, argv, { input });
  /** Puts these rules, a line each, into a chain that all forwarded packets pass. */
  const rules = (lines: readonly string[], policy = 'accept') =>
    run(
      ['nft', '-f', '-'],
      `table inet mine
       delete table inet mine
       table inet mine {
         counter there {}
         counter back {}
         chain forward {
           type filter hook forward priority 0; policy ${policy};
           ${lines.join('\n')}
         }
       }`,
    );
  const counted = async (name: string) =>
    Number(/packets (\d+)/.exec(await run(['nft', 'list', 'counter', 'inet', 'mine', name]))?.[1]);
  const serves = async () => {
    for (const family of FAMILIES) {
      expect((await client.requests({ url: urlOf(family), count: 6 })).byServer).toEqual(all);
      const datagrams = await client.udp({ address: VIPS[family], count: 6, sockets: 6 });
      expect(datagrams).toMatchObject({ byServer: all, lost: 0 });
    }
  };
  /** How many programs of ours eth0 has where packets come in, and where they leave, by that mechanism. */
  const programsOnEth0 = async () => {
    const count = async (hook: 'ingress' | 'egress') => {
      if (attach === 'tcx') return (await tcxPrograms(director.lab, hook))['eth0'];
      const shown = await run(['tc', 'filter', 'show', 'dev', 'eth0', hook]);
      return shown.match(/handle 0x77656972 /g)?.length ?? 0;
    };
    return { ingress: await count('ingress'), egress: await count('egress') };
  };
  const both = { ingress: 1, egress: 1 };
  const one = { ingress: 1, egress: 0 };

  beforeAll(async () => {
    director = await directorLab();
    client = labClient(director.lab, director.lab.clients[0]!);
    await write('stack');
    daemon = await director.start();
  });
  beforeEach(() => rules([]));
  afterAll(() => director?.close());

  it('serves, with a program where packets come in and one where they leave', async () => {
    expect(await programsOnEth0()).toEqual(both);
    await serves();
    expect(await director.weir.exec(['diff'])).toMatchObject({ code: 0 });
  });

  it.each(FAMILIES)('%s: rules see requests and replies as between client and server', async (family) => {
    const address = INSIDE[family];
    await rules([
      `iifname eth0 ${address} tcp dport 80 counter name there`,
      `oifname eth0 ${address.replace('daddr', 'saddr')} tcp sport 80 counter name back`,
    ]);
    expect((await client.requests({ url: urlOf(family), count: 6 })).failures).toEqual([]);
    for (const name of ['there', 'back']) expect(await counted(name)).toBeGreaterThanOrEqual(4 * 6);
  });

  it.each(FAMILIES)('%s: what a rule drops is dropped, and nothing else', async (family) => {
    await rules([`${INSIDE[family]} tcp dport 7 drop`]);
    expect(await client.hold({ address: VIPS[family], count: 2, timeout: 500 })).toMatchObject({
      opened: 0,
      failed: 2,
    });
    await serves();
    await rules([]);
    const held = await client.hold({ address: VIPS[family], count: 3 });
    expect((await held.close()).dead).toEqual([]);
  });

  it.each(FAMILIES)('%s: what a rule rejects the client hears from the VIP', async (family) => {
    await rules([
      `${INSIDE[family]} tcp dport 7 reject with tcp reset`,
      `${INSIDE[family]} udp dport 5353 reject`,
    ]);
    const address = VIPS[family];
    const ask = (source: string) =>
      director.lab.run(director.lab.clients[0]!, [process.execPath, '-e', source], { timeout: 10_000 });
    const tcp = `require('node:net').connect(7, '${address}').on('error', (e) => console.log(e.code))`;
    expect((await ask(tcp)).trim()).toBe('ECONNREFUSED');
    // A connected socket hears only of what it has sent itself: the quoted packet has to name the VIP.
    const udp = `const s = require('node:dgram').createSocket('udp${family.slice(3)}');
      s.on('error', (e) => { console.log(e.code); s.close(); });
      s.connect(5353, '${address}', () => s.send('x'));`;
    expect((await ask(udp)).trim()).toBe('ECONNREFUSED');
  });

  it('a firewall that keeps state finds every packet in order', async () => {
    await rules(
      [
        'ct state established,related accept',
        'ct state invalid counter name back drop',
        'iifname eth0 tcp dport { 80, 7 } ct state new accept',
        'iifname eth0 udp dport 5353 ct state new accept',
      ],
      'drop',
    );
    await serves();
    const length = 8 * 2 ** 20;
    for (const family of FAMILIES) {
      const got = await client.download({ url: `${urlOf(family)}echo`, send: length });
      expect(got).toMatchObject({ bytes: length, sha256: sha256OfPattern(length) });
      const held = await client.hold({ address: VIPS[family], count: 6 });
      expect(await held.close()).toMatchObject({ byServer: all, dead: [] });
    }
    expect(await counted('back')).toBe(0);
  });

  it('is chosen and left by a reload, and no connection notices', async () => {
    await forward('redirect');
    expect(await programsOnEth0()).toEqual(one);
    const held: Awaited<ReturnType<LabClient['hold']>>[] = [];
    const load = await client.startRequests({ url: urlOf('ipv6'), concurrency: 4, perSecond: 150 });
    for (const way of ['stack', 'redirect', 'stack'] as const) {
      held.push(await client.hold({ address: VIPS.ipv4, count: 3 }));
      await load.reached(load.progress().count + 20);
      await forward(way);
      expect(await programsOnEth0()).toEqual(way === 'stack' ? both : one);
      await load.reached(load.progress().count + 20);
      for (const each of held) expect((await each.poke()).dead).toEqual([]);
    }
    expect((await load.stop()).failures).toEqual([]);
    // Those opened by redirection go past the rules, those opened since by them.
    await rules(['tcp dport 7 counter name there']);
    await held[0]!.poke();
    expect(await counted('there')).toBe(0);
    for (const each of held) expect((await each.close()).dead).toEqual([]);
    const late = await client.hold({ address: VIPS.ipv4, count: 3 });
    expect((await late.close()).dead).toEqual([]);
    expect(await counted('there')).toBeGreaterThan(6);
  });

  it('a kill -9 is not noticed, and what is taken off where packets leave comes back', async () => {
    const held = await client.hold({ address: VIPS.ipv6, count: 6 });
    daemon.signal('SIGKILL');
    await daemon.ended;
    expect((await held.poke()).dead).toEqual([]);
    daemon = await director.start();
    expect(await programsOnEth0()).toEqual(both);
    const repaired = nextEvent(daemon, 'drift_repaired');
    if (attach === 'tcx') {
      const [layout] = readdirSync(director.lab.pinDir);
      unlinkSync(join(director.lab.pinDir, layout!, 'link_egress_eth0'));
    } else await run(['tc', 'filter', 'del', 'dev', 'eth0', 'egress']);
    expect(await repaired).toMatchObject({ step: 'attach' });
    expect(await programsOnEth0()).toEqual(both);
    expect(await held.close()).toMatchObject({ byServer: all, dead: [] });
  });

  it('leaves nothing behind', async () => {
    await director.drain();
    expect(director.errors()).toEqual([]);
    await director.weir.run(['down']);
    await daemon.ended;
    const before = await snapshotHost(director.lab);
    await write('stack');
    daemon = await director.start();
    await serves();
    await director.weir.run(['down']);
    await daemon.ended;
    expect(pinsOf(director.lab)).toEqual([]);
    expect(await snapshotHost(director.lab)).toEqual(before);
    expect(await programsOnEth0()).toEqual({ ingress: 0, egress: 0 });
    expect(await run(['tc', 'qdisc', 'show', 'dev', 'eth0'])).not.toContain('clsact');
  });
});

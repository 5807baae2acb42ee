/** Small tables under pressure: a SYN flood, a table full of the dead with nobody to sweep it, and the sweep itself. */
import { availableParallelism } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LabClient, labClient } from '../../src/lab/client-api.ts';
import type { LabProcess } from '../../src/lab/process.ts';
import { labVip } from '../../src/lab/topology.ts';
import { type DirectorLab, type Draft, directorLab, draft, serversOn } from './director-lab.ts';

const vip = labVip.ipv4;
const url = `http://${vip}/`;
/** For what the daemon does by itself, in its own time. */
const patience = { timeout: 25_000, interval: 200 };

describe('small tables', () => {
  let director: DirectorLab;
  let daemon: LabProcess | undefined;
  let client: LabClient;
  let attacker: LabClient;

  const config = (
    limits: Readonly<Record<string, number>>,
    timeouts: Readonly<Record<string, string>>,
  ): Draft => {
    const { servers } = director.lab;
    return draft(
      [
        { protocol: 'tcp', address: vip, port: 80, scheduler: 'wlc', servers: serversOn(servers, 80) },
        { protocol: 'tcp', address: vip, port: 7, scheduler: 'wlc', servers: serversOn(servers, 7) },
        { protocol: 'udp', address: vip, port: 53, scheduler: 'rr', servers: serversOn(servers, 5353) },
      ],
      { limits: { connections_ipv6: 64, services: 8, servers: 32, ...limits }, timeouts },
    );
  };
  /** Takes everything down, since tables are made once, and starts with others. */
  const startAnew = async (...with_: Parameters<typeof config>): Promise<void> => {
    // A test that failed may have left it halted, and then it would not answer.
    daemon?.signal('SIGCONT');
    await director.weir.run(['down']);
    await director.write(config(...with_));
    daemon = await director.start();
  };
  const verdict = async (name: string) => (await director.verdicts())[name] ?? Number.NaN;
  const live = async () =>
    (await director.services())
      .flatMap(({ servers }) => servers)
      .reduce(
        (sum, { active, inactive }) => ({ active: sum.active + active, inactive: sum.inactive + inactive }),
        {
          active: 0,
          inactive: 0,
        },
      );

  beforeAll(async () => {
    director = await directorLab({ clients: 2 });
    [client, attacker] = director.lab.clients.map((host) => labClient(director.lab, host)) as [
      LabClient,
      LabClient,
    ];
    // Answers to the invented sources go to the attacker's host, which drops them: nobody resets what it did not ask for.
    await director.lab.run(director.lab.director, [
      ...['ip', 'route', 'add', '198.51.100.0/24', 'via', director.lab.clients[1]!.ipv4],
    ]);
  });
  afterAll(() => director?.close());

  describe('with room for 1,024 connections, 256 of them half-open', () => {
    beforeAll(() =>
      startAnew(
        { connections_ipv4: 1024, half_open: 256 },
        { syn_recv: '2s', time_wait: '2s', fin_wait: '2s', close: '1s', close_wait: '2s', last_ack: '2s' },
      ),
    );

    it.each(['far', 'neighbours'] as const)(
      'a SYN flood from %s leaves 200 established connections alone and lets new clients in',
      async (sources) => {
        const evicted = await verdict('half_open_evicted');
        const held = await client.hold({ address: vip, port: 7, count: 200 });
        expect(held).toMatchObject({ opened: 200, failed: 0 });
        const flood = await attacker.startSynFlood({
          address: vip,
          port: 80,
          count: 30_000,
          perSecond: 3_000,
          sources,
        });
        // The flood has filled its part before the newcomers come, and goes on while they do.
        await flood.reached(2_000);
        const newcomers = await client.requests({ url, count: 60, concurrency: 2, timeout: 10_000 });
        expect(newcomers.failures).toEqual([]);
        const during = await director.connections();
        expect(during.filter(({ state }) => state === 'ESTABLISHED').length).toBeGreaterThanOrEqual(200);
        // It may fill its own part of the table and no more; each CPU may be one ahead of the bound.
        const halfOpen = during.filter(({ state }) => state === 'SYN_RECV');
        expect(halfOpen.length).toBeGreaterThan(100);
        expect(halfOpen.length).toBeLessThanOrEqual(256 + availableParallelism());
        const poked = await held.poke();
        expect(poked.dead).toEqual([]);
        expect(flood.progress().count).toBeLessThan(30_000);
        const { sent } = await flood.stop();
        expect(sent).toBeGreaterThan(2_000);
        expect(await verdict('half_open_evicted')).toBeGreaterThan(evicted + 1_000);
        expect(await held.close()).toMatchObject({ alive: 200, dead: [] });
        // Nothing of the flood stays: what it opened expires, and the counters come back to nothing.
        await expect.poll(live, patience).toEqual({ active: 0, inactive: 0 });
      },
    );
  });

  describe('with room for 64 connections', () => {
    const limits = { connections_ipv4: 64, half_open: 16 };

    it.each([
      { how: 'ended', stop: () => daemon?.stop(), go: () => director.start() },
      { how: 'halted', stop: () => daemon?.signal('SIGSTOP'), go: () => daemon?.signal('SIGCONT') },
    ])('and the daemon $how, closed connections make room for new ones', async ({ stop, go }) => {
      await startAnew(limits, { time_wait: '10m', fin_wait: '10m', close: '10m', udp: '1s' });
      await stop();
      const result = await client.requests({ url, count: 400, timeout: 10_000 });
      expect(result.failures).toEqual([]);
      daemon = (await go()) ?? daemon;
      expect(await verdict('reclaimed')).toBeGreaterThanOrEqual(400 - 64);
      expect((await director.connections()).length).toBeLessThanOrEqual(64);
    });

    it('and no daemon, expired connections make room for new ones', async () => {
      await startAnew(limits, { udp: '1s' });
      await daemon?.stop();
      // Each datagram from a port of its own is a connection; twice the table's size, of which no half fits beside the other.
      const ask = (count: number) =>
        attacker.udp({ address: vip, port: 53, count, sockets: count, timeout: 200 });
      const first = await ask(100);
      expect(first.answered).toBeGreaterThanOrEqual(64);
      await expect.poll(async () => (await ask(8)).lost, patience).toBe(0);
      expect((await client.requests({ url, count: 20, timeout: 10_000 })).failures).toEqual([]);
      daemon = await director.start();
      expect(await verdict('expired')).toBeGreaterThan(0);
    });

    it('none of which may be spared, a new one is refused and the old ones stay', async () => {
      await startAnew(limits, { time_wait: '1s', close: '1s' });
      const full = await verdict('table_full');
      const held = await client.hold({ address: vip, port: 7, count: 64 });
      expect(held).toMatchObject({ opened: 64, failed: 0 });
      expect(await client.requests({ url, count: 2, timeout: 500 })).toMatchObject({
        completed: 0,
        failed: 2,
      });
      expect(await verdict('table_full')).toBeGreaterThan(full);
      expect(await held.close()).toMatchObject({ alive: 64, dead: [] });
      // As soon as they have ended there is room again.
      expect((await client.requests({ url, count: 5, timeout: 10_000 })).failures).toEqual([]);
    });
  });

  it('the sweep empties the table once time-outs of a second have passed, with no packet to help it', async () => {
    await startAnew(
      { connections_ipv4: 1024, half_open: 256 },
      {
        time_wait: '1s',
        fin_wait: '1s',
        close: '1s',
        last_ack: '1s',
        close_wait: '1s',
        udp: '1s',
        syn_recv: '1s',
      },
    );
    expect((await client.requests({ url, count: 50, concurrency: 4 })).failures).toEqual([]);
    expect(await client.udp({ address: vip, port: 53, count: 50, sockets: 50 })).toMatchObject({ lost: 0 });
    await expect.poll(() => director.connections(), patience).toEqual([]);
    expect(await live()).toEqual({ active: 0, inactive: 0 });
    expect(await verdict('expired')).toBe(0);
    const conns = (await director.services()).map((one) => one.conns);
    expect(conns).toEqual([50, 0, 50]);
  });

  it('afterwards nothing is left in the tables, and the counters never disagreed with them', async () => {
    await director.drain();
    expect(director.errors()).toEqual([]);
  });
});

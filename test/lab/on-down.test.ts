/** `on_down` on real connections: what their clients meet when a server goes down, or its drain comes to its deadline. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServerStatus } from '../../src/core/health/status.ts';
import { type LabClient, labClient } from '../../src/lab/client-api.ts';
import type { LabProcess } from '../../src/lab/process.ts';
import { labVip } from '../../src/lab/topology.ts';
import { CHECKED_PORT, type CheckedServers, startCheckedServers } from './checked-servers.ts';
import { type DirectorLab, directorLab, draft, nextEvent, serversOn, serversOn6 } from './director-lab.ts';

const vip = labVip.ipv4;
/** By one switch for all services of a server: it tells whether the server is well. */
const check = {
  type: 'http',
  interval: '200ms',
  timeout: '150ms',
  rise: 1,
  fall: 1,
  connect_port: CHECKED_PORT,
  body: { contains: 'ok' },
};

describe('on_down: reset', () => {
  let director: DirectorLab;
  let daemon: LabProcess;
  let client: LabClient;
  let checked: CheckedServers;

  const config = (more: Readonly<Record<string, unknown>> = {}) => {
    const { servers } = director.lab;
    const of = { scheduler: 'rr', on_down: 'reset', checks: [check], ...more };
    return draft(
      [
        { protocol: 'tcp', address: vip, port: 7, servers: serversOn(servers, 7), ...of },
        { protocol: 'udp', address: vip, port: 5353, servers: serversOn(servers, 5353), ...of },
        { protocol: 'tcp', address: labVip.ipv6, port: 7, servers: serversOn6(servers, 7), ...of },
      ],
      { timeouts: { udp: '60s', close: '1s' } },
    );
  };
  const become: CheckedServers['become'] = (n, state) => checked.become(n, state);
  const weights = async () =>
    (JSON.parse(await director.weir.run(['servers', '-o', 'json'])) as readonly ServerStatus[]).map(
      ({ weight }) => weight,
    );
  const settled = (n: number, weight: number) =>
    expect
      .poll(async () => (await weights()).filter((_, i) => i % 3 === n), { interval: 50, timeout: 10_000 })
      .toEqual([weight, weight, weight]);

  beforeAll(async () => {
    director = await directorLab();
    const { lab } = director;
    checked = await startCheckedServers(lab, lab.servers);
    client = labClient(lab, lab.clients[0]!);
    await director.write(config());
    daemon = await director.start();
  });
  afterAll(() => director?.close());

  it('resets TCP clients of a server that has gone down, when they next send something', async () => {
    const [short, long, other] = await Promise.all([
      client.hold({ address: vip, port: 7, count: 3 }),
      // More than a segment: the client leaves it to its interface to cut it.
      client.hold({ address: vip, port: 7, count: 3, size: 20_000 }),
      client.hold({ address: labVip.ipv6, port: 7, count: 3 }),
    ]);
    await become(1, 'broken');
    await settled(1, 0);
    for (const held of [short, long, other]) {
      const { alive, dead, byServer } = await held.poke();
      expect({ alive, byServer }).toEqual({ alive: 2, byServer: { server1: 1, server3: 1 } });
      expect(dead).toEqual([expect.stringMatching(/^connection \d: read ECONNRESET$/)]);
    }
    await become(1, 'good');
    await settled(1, 1);
    for (const held of [short, long, other]) expect((await held.close()).alive).toBe(2);
    expect((await director.verdicts())['server_gone']).toBeGreaterThanOrEqual(3);
  });

  it('gives UDP clients another server with their next datagram', async () => {
    const ask = (count: number) => client.udp({ address: vip, sourcePort: 6000, count });
    const { sequence } = await ask(2);
    const [first] = sequence;
    expect(sequence).toEqual([first, first]);
    const n = Number(first!.slice('server'.length)) - 1;
    await become(n, 'broken');
    await settled(n, 0);
    const after = await ask(3);
    expect(after.lost).toBe(0);
    expect(new Set(after.sequence).size).toBe(1);
    expect(after.sequence).not.toContain(first);
    // It stays where it is now.
    await become(n, 'good');
    await settled(n, 1);
    expect((await ask(1)).sequence).toEqual(after.sequence.slice(0, 1));
  });

  it('resets what a drain has left at its deadline, and nothing before', async () => {
    const held = await client.hold({ address: vip, port: 7, count: 3 });
    const over = nextEvent(daemon, 'drain_deadline', { service: `tcp ${vip}:7` });
    await director.weir.run(['drain', '192.168.1.101', '--deadline', '1s']);
    expect((await held.poke()).alive).toBe(3);
    const event = await over;
    expect(event).toMatchObject({ server: '192.168.1.101:7', on_down: 'reset' });
    // Earlier ones may not have been forgotten yet.
    expect(event['connections']).toBeGreaterThanOrEqual(1);
    expect(await director.weir.run(['overrides'])).toMatch(
      /101:7 .* \d+ +its drain is over: disabled since /,
    );
    await expect
      .poll(async () => (await director.service(`tcp ${vip}:7`)).servers.map(({ leaving }) => leaving))
      .toEqual([false, false, true]);
    expect((await held.poke()).dead).toEqual([expect.stringContaining('ECONNRESET')]);
    await director.weir.run(['undrain', '192.168.1.101']);
    await settled(0, 1);
    expect((await held.close()).alive).toBe(2);
  });

  it('does not wait for clients to send something, where they wait for an answer themselves', async () => {
    const held = await Promise.all(
      [vip, labVip.ipv6].map((address) => client.hold({ address, port: 7, count: 3 })),
    );
    const states = async () =>
      (await director.connections('--server', '192.168.1.101:7')).map(({ state }) => state);
    expect(await states()).toContain('ESTABLISHED');
    const prompted = nextEvent(daemon, 'clients_prompted', { service: `tcp ${vip}:7` });
    await become(0, 'broken');
    expect(await prompted).toMatchObject({ server: '192.168.1.101:7', clients: 1 });
    await expect.poll(states, { interval: 50 }).not.toContain('ESTABLISHED');
    await become(0, 'good');
    await settled(0, 1);
    // It is back, and they had gone before.
    for (const one of held)
      expect(await one.close()).toMatchObject({ alive: 2, dead: [expect.stringContaining('ECONNRESET')] });
  });

  it('holds over a restart of the daemon', async () => {
    const ask = async () => (await client.udp({ address: vip, sourcePort: 6100, count: 1 })).sequence[0]!;
    const first = await ask();
    const n = Number(first.slice('server'.length)) - 1;
    await become(n, 'broken');
    await settled(n, 0);
    await daemon.stop();
    daemon = await director.start();
    await settled(n, 0);
    expect(await ask()).not.toBe(first);
    await become(n, 'good');
    await settled(n, 1);
  });

  it('holds from when the file says so', async () => {
    await director.write(config({ on_down: 'keep' }));
    expect((await director.weir.exec(['diff'])).stdout).toContain(
      'connections of a server that goes down  reset → keep\n',
    );
    await director.weir.run(['reload']);
    const held = await client.hold({ address: vip, port: 7, count: 3 });
    await become(2, 'broken');
    await settled(2, 0);
    expect((await held.poke()).alive).toBe(3);
    await director.reload(config());
    expect((await held.poke()).alive).toBe(2);
    await become(2, 'good');
    await settled(2, 1);
    expect((await held.close()).alive).toBe(2);
  });
});

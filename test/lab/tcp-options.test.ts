/** Thresholds and sloppy_tcp with real clients: who gets the next connection, and what becomes of one that nobody knows. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LabClient, labClient } from '../../src/lab/client-api.ts';
import type { LabProcess } from '../../src/lab/process.ts';
import { labVip } from '../../src/lab/topology.ts';
import { type DirectorLab, directorLab, draft, serversOn } from './director-lab.ts';

const vip = labVip.ipv4;

let director: DirectorLab;
let client: LabClient;
let daemon: LabProcess;

const config = () => {
  const { servers } = director.lab;
  const echo = (port: number, more: object) => ({
    ...{ protocol: 'tcp' as const, address: vip, port, scheduler: 'rr', servers: serversOn(servers, 7) },
    ...more,
  });
  const limited = (upper: readonly (number | undefined)[], lower?: number) =>
    serversOn(servers, 7).map((server, i) => ({
      ...server,
      ...(upper[i] !== undefined && { upper_threshold: upper[i] }),
      ...(i === 0 && lower !== undefined && { lower_threshold: lower }),
    }));
  return draft([
    echo(7, { servers: limited([2], 1) }),
    echo(8, { servers: limited([1, 1, 1]) }),
    echo(9, { sloppy_tcp: true, servers: serversOn(servers.slice(0, 1), 7) }),
    echo(10, { servers: serversOn(servers.slice(0, 1), 7) }),
  ]);
};

beforeAll(async () => {
  director = await directorLab();
  client = labClient(director.lab, director.lab.clients[0]!);
  await director.write(config());
  daemon = await director.start();
});
afterAll(() => director?.close());

describe('thresholds', () => {
  const overloaded = async (port: number) =>
    (await director.service(`tcp ${vip}:${port}`)).servers.map(({ overloaded: is = false }) => is);

  it('keep further connections from a server until few enough are left', async () => {
    const held = await client.hold({ address: vip, port: 7, count: 8 });
    expect(await overloaded(7)).toEqual([true, false, false]);
    expect(await director.weir.run(['services'])).toMatch(/101:7 .* overloaded 2 +1 /);
    const { alive, byServer } = await held.close();
    expect({ alive, ...byServer }).toEqual({ alive: 8, server1: 2, server2: 3, server3: 3 });
    // Those that have ended count until they are forgotten.
    await expect.poll(() => overloaded(7), { timeout: 10_000, interval: 100 }).toEqual([false, false, false]);
    const again = await client.hold({ address: vip, port: 7, count: 3 });
    expect((await again.close()).byServer).toEqual({ server1: 1, server2: 1, server3: 1 });
  });

  it('refuse clients at once when all servers have as many as they take', async () => {
    const held = await client.hold({ address: vip, port: 8, count: 5 });
    expect([held.opened, held.failed]).toEqual([3, 2]);
    const { alive, dead } = await held.close();
    expect(alive).toBe(3);
    for (const why of dead) expect(why).toContain('ECONNREFUSED');
  });
});

describe('sloppy_tcp', () => {
  it('takes up connections that the director has forgotten, which are reset without it', async () => {
    const [sloppy, strict] = await Promise.all(
      [9, 10].map((port) => client.hold({ address: vip, port, count: 2 })),
    );
    await director.weir.run(['down']);
    await daemon.ended;
    daemon = await director.start();
    expect(await director.connections()).toEqual([]);
    expect(await sloppy!.poke()).toMatchObject({ alive: 2, byServer: { server1: 2 } });
    const { alive, dead } = await strict!.poke();
    expect(alive).toBe(0);
    for (const why of dead) expect(why).toContain('ECONNRESET');
    expect((await sloppy!.close()).alive).toBe(2);
    await strict!.close();
  });
});

/** Flap damping on a real server that crashes again and again: it is held down until it is calm, but never the last one. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ServerHistory } from '../../src/core/health/history.ts';
import type { ServerStatus } from '../../src/core/health/status.ts';
import { type LabClient, labClient } from '../../src/lab/client-api.ts';
import type { LabProcess } from '../../src/lab/process.ts';
import { labVip } from '../../src/lab/topology.ts';
import { CHECKED_PORT, type CheckedServers, startCheckedServers } from './checked-servers.ts';
import { type DirectorLab, directorLab, draft, nextEvent, serversOn } from './director-lab.ts';

const vip = labVip.ipv4;
const url = `http://${vip}/`;
const key = `tcp ${vip}:80`;

let director: DirectorLab;
let daemon: LabProcess;
let client: LabClient;
let checked: CheckedServers;

const become = async (n: number, state: 'good' | 'closed') => {
  const event = nextEvent(daemon, state === 'good' ? 'server_up' : 'server_down');
  await checked.become(n, state);
  return event;
};
const shown = async () =>
  (JSON.parse(await director.weir.run(['servers', '-o', 'json'])) as readonly ServerStatus[]).map(
    ({ health, weight }) => `${health?.verdict} ${weight}`,
  );
const comesTo = (wanted: readonly string[]) =>
  expect.poll(shown, { timeout: 15_000, interval: 50 }).toEqual(wanted);
const spread = async () => (await client.requests({ url, count: 6 })).byServer;

beforeAll(async () => {
  director = await directorLab();
  const { lab } = director;
  const hosts = lab.servers.slice(0, 2);
  checked = await startCheckedServers(lab, hosts);
  client = labClient(lab, lab.clients[0]!);
  const check = { type: 'http', interval: '100ms', rise: 1, fall: 1, connect_port: CHECKED_PORT };
  const more = { checks: [check], flap_damping: { downs: 3, within: '1m', calm: '4s' } };
  await director.write(
    draft([
      {
        protocol: 'tcp',
        address: vip,
        port: 80,
        scheduler: 'rr',
        servers: serversOn(hosts, 80),
        ...more,
      },
    ]),
  );
  daemon = await director.start();
});
afterAll(() => director?.close());

it('keeps it out until it is calm, lets it in when nobody else is there, and tells all of it once', async () => {
  await comesTo(['up 1', 'up 1']);
  const told: string[] = [];
  const forget = daemon.onLine((line) => {
    const event = /"event":"(server_\w+)"/.exec(line)?.[1];
    if (event !== undefined) told.push(event);
  });
  for (let i = 0; i < 2; i++) {
    await become(0, 'closed');
    await become(0, 'good');
  }
  const held = nextEvent(daemon, 'server_held');
  await become(0, 'closed');
  const reason = 'held down: went down 3 times in 1m; back once it has been up for 4s';
  expect(await held).toMatchObject({ service: key, server: '192.168.1.101:80', reason });
  await checked.become(0, 'good');
  await expect
    .poll(() => director.weir.run(['servers']), { timeout: 10_000, interval: 100 })
    .toMatch(/101:80 .* 0 .* down +held down: went down 3 times in 1m; back in \ds if it stays up/);
  expect(await spread()).toEqual({ server2: 6 });

  // The last one is worth more than none, and is held again as soon as it is not the last.
  const needed = nextEvent(daemon, 'server_up');
  await become(1, 'closed');
  expect(await needed).toMatchObject({
    server: '192.168.1.101:80',
    reason: 'went down 3 times in 1m, but is needed: no other server is there',
  });
  expect(await spread()).toEqual({ server1: 6 });
  const again = nextEvent(daemon, 'server_held');
  // It has to be calm for as long as ever: down once more, it is not back before the end of this.
  await become(0, 'closed');
  await checked.become(1, 'good');
  await again;
  const back = nextEvent(daemon, 'server_up');
  await checked.become(0, 'good');
  await comesTo(['down 0', 'up 1']);
  expect(await spread()).toEqual({ server2: 6 });

  expect(await back).toMatchObject({
    server: '192.168.1.101:80',
    reason: 'its check passes, and it is no longer held down',
  });
  await comesTo(['up 1', 'up 1']);
  expect(await spread()).toEqual({ server1: 3, server2: 3 });
  forget();
  expect(told.filter((event) => event === 'server_held')).toHaveLength(2);

  const histories = JSON.parse(
    await director.weir.run(['servers', '--history', '-o', 'json']),
  ) as readonly ServerHistory[];
  const own = histories.find(({ server }) => server === '192.168.1.101:80')!;
  expect(own.transitions.map(({ to }) => to)).toEqual([
    ...['down', 'up', 'down', 'up', 'down', 'held'],
    ...['up', 'down', 'held', 'up'],
  ]);
  expect(director.errors()).toEqual([]);
});

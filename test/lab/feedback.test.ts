/** Weights by feedback: what an agent on a real server says moves its weight in the data plane, and its connections stay. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ServerStatus } from '../../src/core/health/status.ts';
import { type LabClient, labClient } from '../../src/lab/client-api.ts';
import type { LabProcess } from '../../src/lab/process.ts';
import { labVip } from '../../src/lab/topology.ts';
import { type DirectorLab, directorLab, draft, nextEvent, serversOn } from './director-lab.ts';

const vip = labVip.ipv4;
const key = `tcp ${vip}:7`;
const AGENT_PORT = 9_999;
/** Answers each connection by the latest line of its input; `silence` accepts and says nothing. Each line is echoed when it holds. */
const AGENT = `
  let line = '100%';
  require('node:net').createServer((s) => {
    s.on('error', () => {});
    if (line !== 'silence') s.end(line + '\\n');
  }).listen(${AGENT_PORT}, () => console.log('ready'));
  require('node:readline').createInterface({ input: process.stdin }).on('line', (next) => {
    line = next;
    console.log(next);
  });
`;

let director: DirectorLab;
let daemon: LabProcess;
let client: LabClient;
let agent: LabProcess;

const says = async (line: string) => {
  const said = new Promise<void>((resolve) => {
    const forget = agent.onLine((heard) => {
      if (heard !== line) return;
      forget();
      resolve();
    });
  });
  agent.send(line);
  await said;
};
const first = async () =>
  (JSON.parse(await director.weir.run(['servers', '-o', 'json'])) as readonly ServerStatus[]).find(
    ({ address }) => address === director.lab.servers[0]!.ipv4,
  )!;
const address = () => director.lab.servers[0]!.ipv4;
/** Its weight in the data plane; undefined while it is out. */
const weight = async () =>
  (await director.service(key)).servers.find((one) => one.address === address() && !one.leaving)?.weight;
const comesTo = (wanted: number | undefined) =>
  expect.poll(weight, { timeout: 20_000, interval: 100 }).toBe(wanted);

beforeAll(async () => {
  director = await directorLab();
  const { lab } = director;
  const [own, other] = lab.servers;
  agent = await lab.spawn(own!, [process.execPath, '-e', AGENT], { title: 'agent' });
  await agent.waitForLine((line) => line === 'ready');
  client = labClient(lab, lab.clients[0]!);
  const check = {
    type: 'agent',
    connect_port: AGENT_PORT,
    interval: '200ms',
    timeout: '150ms',
    fall: 3,
    feedback: { smoothing: '2s' },
  };
  const tcp = { type: 'tcp', interval: '200ms', timeout: '150ms' };
  const [asked, steady] = serversOn([own!, other!], 7, [100, 100]);
  await director.write(
    draft([
      {
        protocol: 'tcp',
        address: vip,
        port: 7,
        scheduler: 'wrr',
        servers: [{ ...asked!, ...{ checks: [tcp, check] } }, steady!],
      },
    ]),
  );
  daemon = await director.start();
});
afterAll(() => director?.close());

it('follows what the agent asks for, by and by, and falls back to the configured weight in silence', async () => {
  await expect
    .poll(first, { timeout: 15_000, interval: 100 })
    .toMatchObject({ weight: 100, health: { verdict: 'up', checked: true } });
  const held = await client.hold({ address: vip, port: 7, count: 10 });

  const changes: number[] = [];
  const forget = daemon.onLine((line) => {
    if (/"event":"set_weight"|"event":"publish_service"/.test(line))
      changes.push(Date.parse((JSON.parse(line) as { time: string }).time));
  });
  await says('25%');
  await comesTo(25);
  forget();
  // By and by, and no more than one change a second.
  expect(changes.length).toBeGreaterThan(1);
  expect(changes.slice(1).every((at, i) => at - changes[i]! > 800)).toBe(true);
  expect((await first()).factors).toContainEqual({
    name: 'feedback',
    value: 0.25,
    reason: 'it asks for 25% of its weight',
  });
  expect(await director.weir.run(['servers'])).toMatch(/101:7 .* 25 .* up +it asks for 25% of its weight/);
  // wrr: one in five.
  const more = await client.hold({ address: vip, port: 7, count: 10 });
  expect(await more.close()).toMatchObject({ alive: 10, byServer: { server1: 2, server2: 8 } });

  // Less than its floor is its floor, but 0 is 0, and no failure.
  await says('3%');
  await comesTo(10);
  await says('0%');
  await comesTo(0);
  expect(await first()).toMatchObject({ leaving: false, active: 5, health: { verdict: 'up' } });
  await says('25%');
  await comesTo(25);

  // What is said holds until the agent says otherwise.
  await says('maint');
  await comesTo(undefined);
  await says('75%');
  await expect
    .poll(async () => (await first()).health?.checks[1]?.last?.reason, { timeout: 10_000, interval: 100 })
    .toBe('the agent says 75%, after maint');
  expect((await first()).health).toMatchObject({ verdict: 'down' });
  await says('ready 25%');
  await comesTo(25);

  const stale = nextEvent(daemon, 'feedback_stale');
  await says('silence');
  const reason = 'its feedback is stale, so its configured weight counts: no answer within 150 ms';
  expect(await stale).toMatchObject({ service: key, server: '192.168.1.101:7', reason });
  await comesTo(100);
  expect(await first()).toMatchObject({
    health: { verdict: 'up', checks: [{}, { feedback: { heard: 25, share: 100, stale: true } }] },
  });
  expect(await director.weir.run(['servers'])).toMatch(new RegExp(`101:7 .* 100 .* up +${reason}`));
  const heard = nextEvent(daemon, 'feedback_heard');
  await says('50%');
  await heard;
  await comesTo(50);

  expect(await held.close()).toMatchObject({ alive: 10, byServer: { server1: 5, server2: 5 } });
  expect(await director.weir.run(['servers', '--history'])).toMatch(
    /101:7 .* weighed +weight \d+ → 50 in \d+ changes since .*: it asks for 50% of its weight/,
  );
  expect(director.errors()).toEqual([]);
});

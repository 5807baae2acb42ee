/** `weir agent` on a real server: its load, by a /proc of the test's making, and its operator's word move weights on the director. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ServerStatus } from '../../src/core/health/status.ts';
import type { LabProcess } from '../../src/lab/process.ts';
import { weirProgram } from '../../src/lab/programs.ts';
import { labVip } from '../../src/lab/topology.ts';
import { type DirectorLab, directorLab, draft, nextEvent, serversOn } from './director-lab.ts';

const vip = labVip.ipv4;
const key = `tcp ${vip}:7`;
const AGENT_PORT = 9_999;

let director: DirectorLab;
let daemon: LabProcess;
let agent: LabProcess;
let proc: string;

const file = (name: string, text: string) => writeFileSync(join(proc, name), text);
const load = (average: string) => file('loadavg', `${average} 0.20 0.10 1/99 1234\n`);
const own = () => director.lab.servers[0]!;
const wants = (...words: readonly string[]) =>
  director.lab.run(own(), [
    ...[process.execPath, weirProgram(), 'agent', '--state-file', join(proc, 'state'), '--state'],
    ...words,
  ]);
const shown = async (): Promise<ServerStatus> =>
  (JSON.parse(await director.weir.run(['servers', '-o', 'json'])) as readonly ServerStatus[])[0]!;
const comesTo = (wanted: string) =>
  expect
    .poll(
      async () => {
        const { weight, health } = await shown();
        return `${health?.verdict}${health?.checked ? '' : '?'} ${weight}: ${health?.checks[0]?.last?.reason}`;
      },
      { timeout: 15_000, interval: 100 },
    )
    .toBe(wanted);

beforeAll(async () => {
  director = await directorLab();
  const { lab } = director;
  proc = join(lab.runDir, 'proc');
  mkdirSync(proc);
  file('stat', 'cpu  1 2\ncpu0 1 2\ncpu1 1 2\ncpu2 1 2\ncpu3 1 2\nprocs_running 1\n');
  file('meminfo', 'MemTotal: 1000 kB\nMemAvailable: 900 kB\n');
  load('0.00');
  agent = await lab.spawn(
    own(),
    [
      ...[process.execPath, weirProgram(), 'agent', '--proc', proc, '--state-file', join(proc, 'state')],
      ...['--listen', `${own().ipv4}:${AGENT_PORT}`, '--allow', '192.168.1.1', '--floor', '5'],
    ],
    { title: 'weir agent' },
  );
  await agent.waitForLine((line) => line.includes('"event":"agent_listening"'));
  const feedback = { floor: '5%', smoothing: '0s' };
  const check = { type: 'agent', connect_port: AGENT_PORT, interval: '300ms', fall: 2, feedback };
  const more = { checks: [check] };
  await director.write(
    draft([
      {
        protocol: 'tcp',
        address: vip,
        port: 7,
        scheduler: 'wrr',
        servers: serversOn([own()], 7, [100]),
        ...more,
      },
    ]),
  );
  daemon = await director.start();
});
afterAll(() => director?.close());

it('moves the weight by load, memory and what its operator wants, and the configured one is back in silence', async () => {
  await comesTo('up 100: the agent says up ready 100%: load 0.00 on 4 CPUs');
  load('3.00');
  await comesTo('up 25: the agent says up ready 25%: load 3.00 on 4 CPUs');
  file('meminfo', 'MemTotal: 1000 kB\nMemAvailable: 20 kB\n');
  await comesTo('up 10: the agent says up ready 10%: 2% of the memory available');
  load('40.00');
  await comesTo('up 5: the agent says up ready 5%: load 40.00 on 4 CPUs');
  load('1.00');
  file('meminfo', 'MemTotal: 1000 kB\nMemAvailable: 900 kB\n');
  await comesTo('up 75: the agent says up ready 75%: load 1.00 on 4 CPUs');

  expect(await wants('drain', '--reason', 'new disks')).toBe(
    'drain: directors are told at their next check\n',
  );
  await comesTo('up 0: the agent says up drain 75%: new disks');
  const down = nextEvent(daemon, 'server_down');
  await wants('maint');
  expect(await down).toMatchObject({ service: key, reason: 'the agent says up maint 75%' });
  await wants('ready');
  await comesTo('up 75: the agent says up ready 75%: load 1.00 on 4 CPUs');

  // Nobody but the director is answered.
  const script = `require('node:net').connect(${AGENT_PORT}, '${own().ipv4}').on('error', () => {})
    .on('data', (heard) => process.stdout.write(heard)).on('close', () => process.stdout.write('closed'))`;
  const other = director.lab.servers[1]!;
  expect(await director.lab.run(other, [process.execPath, '-e', script])).toBe('closed');

  const stale = nextEvent(daemon, 'feedback_stale');
  await agent.stop();
  expect(await stale).toMatchObject({ service: key });
  await comesTo('up 100: connection refused');
  expect(director.errors()).toEqual([]);
});

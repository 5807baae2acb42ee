/**
 * Runs in the guest: a lab, Weir on its director, load from its client; the data planes are changed under it, there and back,
 * with the daemon killed in the middle. Writes a line of JSON for each thing that it has seen.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { controlClient, DaemonUnreachable } from '../../../src/api/client.ts';
import type { Status } from '../../../src/api/control.ts';
import { socketPathIn } from '../../../src/api/socket-path.ts';
import { type Lab, withLab } from '../../../src/lab/lab.ts';
import { startRealServers } from '../../../src/lab/real-servers.ts';
import { labVip } from '../../../src/lab/topology.ts';
import { labWeir } from '../../../src/lab/weir.ts';
import { type LoadOptions, type LoadReport, load } from './load.ts';

/** What is told of a run, a line each. */
export type Told =
  /** What has been begun; the others have been done. */
  | { readonly kind: 'phase'; readonly name: string }
  | { readonly kind: 'step'; readonly name: string; readonly lines: readonly string[] }
  | { readonly kind: 'load'; readonly during: string; readonly report: LoadReport }
  | { readonly kind: 'fault'; readonly words: string };

const tell = (told: Told): void => void process.stdout.write(`${JSON.stringify(told)}\n`);
const step = (name: string, lines: readonly string[] = []): void => tell({ kind: 'step', name, lines });
const phase = (name: string): void => tell({ kind: 'phase', name });
const demand = (isTrue: boolean, words: string): void => {
  if (!isTrue) tell({ kind: 'fault', words });
};

const ECHO = 7;
const UDP = 5353;
const PERSISTENT = 8007;
const RESETS = 8017;
const CLOSED = 5999;
const START_MS = 120_000;
/** Under load, in milliseconds. */
const LOADED_MS = 6_000;
const CLIENTS = [
  ...[21, 22, 23, 24].map((last) => ({ address: `203.0.113.${last}`, length: 24 })),
  ...[21, 22].map((last) => ({ address: `2001:db8:113::${last}`, length: 64 })),
];
const VIPS = [labVip.ipv4, labVip.ipv6];

/** A server is down as long as there is a file of this name, as the checks of the service that resets have it. */
const markOf = ({ runDir }: Lab, address: string): string => join(runDir, 'down', address);

const configOf = (lab: Lab): string => {
  const { director, servers } = lab;
  const [outside, inside] = director.interfaces;
  const services = (['ipv4', 'ipv6'] as const).flatMap((family) => {
    const list = (port = '') => `[${servers.map((one) => `{address: "${one[family]}"${port}}`).join(', ')}]`;
    const of = (protocol: string, port: number, rest: string) =>
      `  - {protocol: ${protocol}, address: "${labVip[family]}", port: ${port}, scheduler: rr, ${rest}}`;
    return [
      of('tcp', ECHO, `servers: ${list()}`),
      of('udp', UDP, `servers: ${list()}`),
      of('udp', CLOSED, `servers: ${list()}`),
      of('tcp', PERSISTENT, `persistence: {timeout: 10m}, servers: ${list(`, port: ${ECHO}`)}`),
      of(
        'tcp',
        RESETS,
        `on_down: reset, checks: [${CHECK(markOf(lab, '{address}'))}], servers: ${list(`, port: ${ECHO}`)}`,
      ),
    ];
  });
  return `dataplane: auto
director: {public: ${outside!.name}, private: ${inside!.name}, look_every: 2s}
vips: [{address: ${labVip.ipv4}/24}, {address: "${labVip.ipv6}/64"}]
timeouts: {udp: 15s, fin_wait: 10s}
services:
${services.join('\n')}
`;
};

/** Twice, for a program may take its time on a machine that is slow. */
const CHECK = (mark: string): string =>
  `{type: exec, interval: 3s, timeout: 3s, rise: 1, fall: 2, command: [/usr/bin/test, "!", -e, "${mark}"]}`;

async function until<T>(what: string, ask: () => Promise<T | undefined>, most = 180_000): Promise<T> {
  const end = Date.now() + most;
  while (Date.now() < end) {
    const found = await ask();
    if (found !== undefined) return found;
    await pause(500);
  }
  throw new Error(`it did not come to this in ${most / 1000} s: ${what}`);
}

/** A line of the kernel's own, with what ip_vs has: services and connections. */
const ipvsText = (lab: Lab): Promise<string> => lab.run(lab.director, ['cat', '/proc/net/ip_vs']);

async function work(lab: Lab): Promise<void> {
  const client = lab.clients[0]!;
  for (const { address, length } of CLIENTS)
    await lab.run(client, [
      'ip',
      'addr',
      'add',
      `${address}/${length}`,
      'dev',
      'eth0',
      ...(length > 32 ? ['nodad'] : []),
    ]);
  // Every datagram to a port at which nobody listens is to be answered.
  for (const host of [client, ...lab.servers])
    await lab.sysctl(host, { 'net.ipv4.icmp_ratelimit': 0, 'net.ipv6.icmp.ratelimit': 0 });
  phase('starting the servers');
  await startRealServers(lab);
  mkdirSync(join(lab.runDir, 'down'), { recursive: true });
  phase('starting weir');
  const weir = labWeir(lab);
  await weir.writeConfig(configOf(lab));
  const control = controlClient(socketPathIn(lab.runDir));
  let daemon = await weir.start(START_MS);
  const status = await control.status();
  step('start', [`Linux ${readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim()}`, status.plane]);
  demand(status.dataplane === 'bpf', `the bpf plane was not to be had: ${status.plane}`);

  const options: LoadOptions = {
    ...{ vips: VIPS, echo: ECHO, udp: UDP, persistent: PERSISTENT, resets: RESETS, closed: CLOSED },
    ...{ clients: CLIENTS.map(({ address }) => address), lasting: 12, conversations: 8, resetting: 8 },
  };
  const traffic = await lab.spawn(client, [
    process.execPath,
    process.argv[1]!,
    'load',
    JSON.stringify(options),
  ]);
  // And a conversation with a closed port of each family.
  const LASTING = options.lasting + options.conversations + VIPS.length;
  const ask = async (word: 'report' | 'release' | 'hold' | 'up' | `down ${string}`): Promise<LoadReport> => {
    const answer = new Promise<string>((resolve) => {
      const forget = traffic.onLine((line) => {
        if (!line.startsWith('{"lines"')) return;
        forget();
        resolve(line);
      });
    });
    traffic.send(word);
    return JSON.parse(await answer) as LoadReport;
  };
  /** Tells what the load has seen since the last time; `mayMove` while clients' servers need not be known. */
  const check = async (during: string, mayMove = false, isHeld = true): Promise<void> =>
    judge(await ask('report'), during, mayMove, isHeld);
  const judge = (report: LoadReport, during: string, mayMove = false, isHeld = true): void => {
    tell({ kind: 'load', during, report });
    for (const one of report.lost) demand(false, `${during}: ${one}`);
    if (!mayMove)
      for (const one of report.moved) demand(false, `${during}: a remembered client moved, ${one}`);
    demand(!isHeld || report.lasting === LASTING, `${during}: ${report.lasting} of ${LASTING} last`);
  };
  /** One server goes down and comes up again: its connections end, by whichever plane they go, and nobody else's. */
  const goDown = async (number: 0 | 1, during: string): Promise<void> => {
    const host = lab.servers[number]!;
    phase(`${host.name} goes down: ${during}`);
    judge(await ask(`down ${host.name}`), `until ${host.name} goes down`);
    const marks = [host.ipv4, host.ipv6].map((address) => markOf(lab, address));
    for (const mark of marks) writeFileSync(mark, '');
    let reset = 0;
    await until(`no connection to ${host.name} is left`, async () => {
      const report = await ask('report');
      if (report.reset + report.lost.length > 0) judge(report, `${host.name} is down`);
      reset += report.reset;
      return report.resetting[host.name] === 0 ? true : undefined;
    });
    demand(reset > 0, `${during}: no connection was reset`);
    for (const mark of marks) rmSync(mark);
    await until(`${host.name} is up`, async () => {
      const own = (await control.services()).filter(({ key }) => key.endsWith(`:${RESETS}`));
      const up = own.map(
        ({ servers }) => servers.filter(({ weight, leaving }) => weight > 0 && !leaving).length,
      );
      return up.every((count) => count === lab.servers.length) ? true : undefined;
    });
    judge(await ask('up'), `${host.name} is up`);
  };
  /** What the servers have been told of datagrams that came too late, and what of it they could make nothing of. */
  const errorsAtServers = async () => {
    const sums = { told: 0, told6: 0, strange: 0 };
    for (const host of lab.servers) {
      const [names, values] = (await lab.run(host, ['cat', '/proc/net/snmp']))
        .split('\n')
        .filter((line) => line.startsWith('Icmp: '))
        .map((line) => line.split(' '));
      const value = (name: string): number => Number(values![names!.indexOf(name)]);
      sums.told += value('InDestUnreachs');
      sums.strange += value('InErrors');
      const six = await lab.run(host, ['cat', '/proc/net/snmp6']);
      sums.told6 += Number(/^Icmp6InDestUnreachs\s+(\d+)/m.exec(six)?.[1]);
    }
    return sums;
  };
  let errors = await errorsAtServers();
  const checkErrors = async (during: string): Promise<void> => {
    const now = await errorsAtServers();
    const [told, told6] = [now.told - errors.told, now.told6 - errors.told6];
    step('servers were told of answers that came too late', [`${told} over IPv4, ${told6} over IPv6`]);
    demand(told > 0, `${during}: no ICMP error of a client has reached a server`);
    demand(told6 > 0, `${during}: no ICMPv6 error of a client has reached a server`);
    demand(
      now.strange === errors.strange,
      `${during}: ${now.strange - errors.strange} ICMP errors made no sense to a server`,
    );
    errors = now;
  };
  const kill = async (): Promise<void> => {
    daemon.signal('SIGKILL');
    await daemon.ended;
  };
  const startAgain = async (): Promise<Status> => {
    daemon = await weir.start(START_MS);
    return control.status();
  };
  const request = async (to: 'bpf' | 'ipvs', dry_run: boolean) => {
    const name = `migrate --to ${to}${dry_run ? ' --dry-run' : ''}`;
    phase(`weir ${name}`);
    const done = await control.migrate(to, { dry_run, deadline: '20m' });
    if (!done.ok) throw new Error(done.problems.join('\n'));
    step(name, done.lines);
    return done;
  };
  const plan = (to: 'bpf' | 'ipvs') => request(to, true);
  const migrate = async (to: 'bpf' | 'ipvs'): Promise<void> => {
    try {
      await request(to, false);
    } catch (error) {
      if (!(error instanceof DaemonUnreachable)) throw error;
      // The machine is slow, and busy with verifying programs; the daemon does what it was told to.
      phase(`weir migrate --to ${to}, whose client did not wait so long`);
      const taken = async () => ((await control.status()).dataplane === to ? true : undefined);
      await until(`${to} directs`, () => taken().catch(() => undefined));
    }
  };
  const counted = () =>
    until('the old plane has been counted', async () => {
      const { migration } = await control.status();
      return migration?.connections == null ? undefined : migration;
    });

  const underWay = async (): Promise<void> => {
    phase('the load gets under way');
    await until('the load is under way', async () => {
      const report = await ask('report');
      for (const one of report.lost) demand(false, `the load gets under way: ${one}`);
      return report.lasting === LASTING ? true : undefined;
    });
    phase('under load');
  };
  await underWay();
  await pause(LOADED_MS);
  await check('bpf alone');
  await checkErrors('bpf alone');

  const dry = await plan('ipvs');
  demand(
    dry.stay >= LASTING && dry.forgotten === CLIENTS.length,
    `the dry run counted ${JSON.stringify(dry)}`,
  );
  demand((await control.status()).dataplane === 'bpf', 'a dry run has changed the plane');
  await migrate('ipvs');
  await pause(LOADED_MS);
  await check('bpf → ipvs', true);
  const there = await counted();
  demand(there.from === 'bpf' && there.connections! >= LASTING, `the old plane has ${there.connections}`);
  step('ip_vs meanwhile', (await ipvsText(lab)).trim().split('\n'));
  await checkErrors('bpf → ipvs');
  // Those of the first go by bpf alone; they begin anew by ip_vs, so those of the second go by both.
  await goDown(0, 'its connections go by bpf, ip_vs directs');
  await goDown(1, 'its connections go by both');

  phase('the daemon is killed');
  await kill();
  await pause(2_000);
  await check('killed in the middle');
  const after = await startAgain();
  demand(
    after.dataplane === 'ipvs' && after.migration?.from === 'bpf',
    `found again: ${JSON.stringify(after.migration)}`,
  );
  await pause(LOADED_MS / 2);
  await check('started again in the middle');
  await control.reload();
  await check('reloaded in the middle');

  await migrate('bpf');
  await pause(LOADED_MS);
  await check('back to bpf in the middle', true);
  await migrate('ipvs');
  await pause(LOADED_MS / 2);
  await check('bpf → ipvs again', true);
  judge(await ask('release'), 'until what lasts is released');
  phase('waiting for bpf’s last connections to end');
  const begun = Date.now();
  await until('bpf is gone', async () => ((await control.status()).migration === null ? true : undefined));
  step('bpf is gone', [
    `${Math.round((Date.now() - begun) / 1000)} s after the last connections through it were closed`,
  ]);
  demand(!existsSync(lab.pinDir) || readdirSync(lab.pinDir).length === 0, 'pins of the bpf plane are left');
  await check('ipvs alone', false, false);

  await ask('hold');
  await underWay();
  await pause(LOADED_MS / 2);
  await check('ipvs alone, with what lasts');
  await checkErrors('ipvs alone');
  const carried = await plan('bpf');
  demand(
    carried.templates >= CLIENTS.length && carried.forgotten === 0,
    `the dry run counted ${JSON.stringify(carried)}`,
  );
  // Killed while it is being prepared, at one moment and another: whatever that came to, nobody is to notice.
  for (const moment of [400, 1_500]) {
    const asked = control.migrate('bpf', { deadline: '20m' }).then(
      () => 'taken over',
      () => 'not taken over',
    );
    await pause(moment);
    await kill();
    const came = await asked;
    await check(`killed ${moment} ms after migrate --to bpf`);
    const again = await startAgain();
    step(`killed ${moment} ms after migrate --to bpf`, [
      `${came}; started again: ${again.dataplane} directs`,
    ]);
    await check('started again');
    if (again.dataplane === 'bpf') break;
  }
  if ((await control.status()).dataplane === 'ipvs') await migrate('bpf');
  await pause(LOADED_MS);
  await check('ipvs → bpf');
  const back = await counted();
  demand(
    back.from === 'ipvs' && back.connections! >= options.lasting,
    `the old plane has ${back.connections}`,
  );
  await checkErrors('ipvs → bpf');
  await goDown(0, 'its connections go by ip_vs, bpf directs');
  judge(await ask('release'), 'until what lasts is released');
  phase('waiting for ip_vs’s last connections to end');
  const released = Date.now();
  await until('ip_vs is gone', async () => ((await control.status()).migration === null ? true : undefined));
  step('ip_vs is gone', [
    `${Math.round((Date.now() - released) / 1000)} s after the last connections through it were closed`,
  ]);
  demand(!/^(TCP|UDP)/m.test(await ipvsText(lab)), 'services of ip_vs are left');
  await check('bpf alone again', false, false);
  step('what was chosen', [JSON.stringify((await control.status()).dataplane_chosen)]);
  traffic.send('stop');
  step('weir down', await control.down());
  await daemon.ended;
}

if (process.argv[2] === 'load') await load(JSON.parse(process.argv[3]!) as LoadOptions);
else
  await withLab({ clients: 1, servers: 2 }, work).catch((error: Error) => {
    tell({ kind: 'fault', words: error.stack ?? error.message });
  });

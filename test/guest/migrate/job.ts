/**
 * Runs in the guest: a lab, Weir on its director, load from its client; the data planes are changed under it, there and back,
 * with the daemon killed in the middle. Writes a line of JSON for each thing that it has seen.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { controlClient } from '../../../src/api/client.ts';
import type { Status } from '../../../src/api/control.ts';
import { socketPathIn } from '../../../src/api/socket-path.ts';
import { type Lab, withLab } from '../../../src/lab/lab.ts';
import { startRealServers } from '../../../src/lab/real-servers.ts';
import { labVip } from '../../../src/lab/topology.ts';
import { labWeir } from '../../../src/lab/weir.ts';
import { type LoadOptions, type LoadReport, load } from './load.ts';

/** What is told of a run, a line each. */
export type Told =
  | { readonly kind: 'step'; readonly name: string; readonly lines: readonly string[] }
  | { readonly kind: 'load'; readonly during: string; readonly report: LoadReport }
  | { readonly kind: 'fault'; readonly words: string };

const tell = (told: Told): void => void process.stdout.write(`${JSON.stringify(told)}\n`);
const step = (name: string, lines: readonly string[] = []): void => tell({ kind: 'step', name, lines });
const demand = (isTrue: boolean, words: string): void => {
  if (!isTrue) tell({ kind: 'fault', words });
};

const ECHO = 7;
const UDP = 5353;
const PERSISTENT = 8007;
const START_MS = 120_000;
/** Under load, in milliseconds. */
const LOADED_MS = 6_000;
const CLIENTS = [21, 22, 23, 24, 25, 26].map((last) => `203.0.113.${last}`);

const configOf = ({ director, servers }: Lab): string => {
  const [outside, inside] = director.interfaces;
  const list = (port = '') => `[${servers.map(({ ipv4 }) => `{address: ${ipv4}${port}}`).join(', ')}]`;
  return `dataplane: auto
director: {public: ${outside!.name}, private: ${inside!.name}, look_every: 2s}
vips: [{address: ${labVip.ipv4}/24}]
timeouts: {udp: 15s, fin_wait: 10s}
services:
  - {protocol: tcp, address: ${labVip.ipv4}, port: ${ECHO}, scheduler: rr, servers: ${list()}}
  - {protocol: udp, address: ${labVip.ipv4}, port: ${UDP}, scheduler: rr, servers: ${list()}}
  - {protocol: tcp, address: ${labVip.ipv4}, port: ${PERSISTENT}, scheduler: rr, persistence: {timeout: 10m}, servers: ${list(`, port: ${ECHO}`)}}
`;
};

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
  for (const address of CLIENTS) await lab.run(client, ['ip', 'addr', 'add', `${address}/24`, 'dev', 'eth0']);
  await startRealServers(lab);
  const weir = labWeir(lab);
  await weir.writeConfig(configOf(lab));
  const control = controlClient(socketPathIn(lab.runDir));
  let daemon = await weir.start(START_MS);
  const status = await control.status();
  step('start', [`Linux ${readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim()}`, status.plane]);
  demand(status.dataplane === 'bpf', `the bpf plane was not to be had: ${status.plane}`);

  const options: LoadOptions = {
    ...{ vip: labVip.ipv4, echo: ECHO, udp: UDP, persistent: PERSISTENT, clients: CLIENTS },
    ...{ lasting: 12, conversations: 6 },
  };
  const traffic = await lab.spawn(client, [
    process.execPath,
    process.argv[1]!,
    'load',
    JSON.stringify(options),
  ]);
  const LASTING = options.lasting + options.conversations;
  const ask = async (word: 'report' | 'release' | 'hold'): Promise<LoadReport> => {
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
  /** Reports what the load has seen since the last time; `mayMove` while clients' servers need not be known. */
  const check = async (during: string, mayMove = false, isHeld = true): Promise<void> => {
    const report = await ask('report');
    tell({ kind: 'load', during, report });
    for (const one of report.lost) demand(false, `${during}: ${one}`);
    if (!mayMove)
      for (const one of report.moved) demand(false, `${during}: a remembered client moved, ${one}`);
    demand(!isHeld || report.lasting === LASTING, `${during}: ${report.lasting} of ${LASTING} last`);
  };
  const kill = async (): Promise<void> => {
    daemon.signal('SIGKILL');
    await daemon.ended;
  };
  const startAgain = async (): Promise<Status> => {
    daemon = await weir.start(START_MS);
    return control.status();
  };
  const migrate = async (to: 'bpf' | 'ipvs', dry_run = false) => {
    const done = await control.migrate(to, { dry_run, deadline: '20m' });
    if (!done.ok) throw new Error(done.problems.join('\n'));
    step(`migrate --to ${to}${dry_run ? ' --dry-run' : ''}`, done.lines);
    return done;
  };
  const counted = () =>
    until('the old plane has been counted', async () => {
      const { migration } = await control.status();
      return migration?.connections == null ? undefined : migration;
    });

  await until('the load is under way', async () =>
    (await ask('report')).lasting === LASTING ? true : undefined,
  );
  await pause(LOADED_MS);
  await check('bpf alone');

  const dry = await migrate('ipvs', true);
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
  await ask('release');
  const begun = Date.now();
  await until('bpf is gone', async () => ((await control.status()).migration === null ? true : undefined));
  step('bpf is gone', [
    `${Math.round((Date.now() - begun) / 1000)} s after the last connections through it were closed`,
  ]);
  demand(!existsSync(lab.pinDir) || readdirSync(lab.pinDir).length === 0, 'pins of the bpf plane are left');
  await check('ipvs alone', false, false);

  await ask('hold');
  await until('the load is under way', async () =>
    (await ask('report')).lasting === LASTING ? true : undefined,
  );
  await pause(LOADED_MS / 2);
  await check('ipvs alone, with what lasts');
  const carried = await migrate('bpf', true);
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
  await ask('release');
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

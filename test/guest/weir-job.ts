/** Runs in the guest: the whole of weir with `dataplane: ipvs`, from start to `weir down`, and what ipvsadm says meanwhile. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { controlClient } from '../../src/api/client.ts';
import { socketPathIn } from '../../src/api/socket-path.ts';
import { openLookups } from '../../src/ipvsadm/lookup.ts';
import { run } from '../../src/ipvsadm/main.ts';
import { openTable } from '../../src/ipvsadm/open-table.ts';
import { startDaemon } from './daemon.ts';

/** What a step came to, and what ipvsadm and the host showed after it. */
export interface WeirStep {
  readonly name: string;
  readonly value: unknown;
  /** `ipvsadm -Sn`. */
  readonly rules: readonly string[];
  /** `ipvsadm -L --timeout`. */
  readonly timeouts: string;
  /** Addresses of the public interface. */
  readonly addresses: string;
  readonly sysctls: Readonly<Record<string, string>>;
  /** /etc/modules-load.d/weir.conf. */
  readonly modules: string | undefined;
}

const NETWORK = `link add c0 type veth peer name d0
link add s0 type veth peer name e0
link set c0 up
link set d0 up
link set s0 up
link set e0 up
addr add 203.0.113.1/24 dev d0
addr add 192.168.1.1/24 dev e0
`;

const SYSCTLS = ['net.ipv4.ip_forward', 'net.ipv4.vs.expire_nodest_conn', 'net.ipv4.vs.sloppy_tcp'];
const MODULES = '/etc/modules-load.d/weir.conf';
const DIRECTORY = '/run/weir-test';
const PINS = '/sys/fs/bpf/weir';

/** One service a line: port, scheduler, and servers by their last number and weight. */
const configOf = (dataplane: string, services: readonly string[]): string => `dataplane: ${dataplane}
director: {public: d0, private: e0, look_every: 1s}
vips: [{address: 203.0.113.100/24}]
timeouts: {established: 10m}
services:
${services.map((one) => `  - {protocol: tcp, address: 203.0.113.100, ${one}}\n`).join('')}`;

const serversAt = (...weights: readonly number[]): string =>
  `servers: [${weights.map((weight, i) => `{address: 192.168.1.${101 + i}, weight: ${weight}}`).join(', ')}]`;

/** Services and settings that ip_vs alone can do, to be put behind others. */
const ALONE = `  - fwmark: 7
    scheduler: rr
    servers: [{address: 192.168.1.101}, {address: 192.168.1.102, port: 8080}]
  - {fwmark: 7, family: ipv6, servers: []}
  - {protocol: sctp, address: 203.0.113.100, port: 2905, servers: [{address: 192.168.1.101}]}
  - protocol: udp
    address: 203.0.113.100
    port: 5060
    persistence: {timeout: 60s, engine: sip}
    servers: [{address: 192.168.1.101}]
  - protocol: tcp
    address: 203.0.113.100
    port: 26
    method: tunnel
    tunnel: {type: gue, port: 6080, checksum: remote}
    servers: [{address: 192.168.1.101}, {address: 192.168.1.102, tunnel: {type: gre, checksum: full}}]
sync_daemons: {master: {sync_id: 7, ttl: 3}}
`;

async function main(): Promise<void> {
  const { program } = JSON.parse(readFileSync(0, 'utf8')) as { program: string };
  execFileSync('ip', ['-batch', '-'], { input: NETWORK, stdio: ['pipe', 'inherit', 'inherit'] });
  mkdirSync(DIRECTORY);
  execFileSync('mount', ['-t', 'bpf', 'none', '/sys/fs/bpf'], { stdio: 'inherit' });
  mkdirSync('/etc/modules-load.d', { recursive: true });
  const configFile = join(DIRECTORY, 'weir.yaml');
  const ipvsadm = (...words: string[]): string => execFileSync('ipvsadm', words, { encoding: 'utf8' });
  const daemons = (): string => ipvsadm('-L', '--daemon').trim();
  const client = controlClient(socketPathIn(join(DIRECTORY, 'run')));
  const steps: WeirStep[] = [];
  const note = (name: string, value: unknown): void => {
    const sysctl = (one: string) => readFileSync(`/proc/sys/${one.replaceAll('.', '/')}`, 'utf8').trim();
    steps.push({
      name,
      value,
      rules: ipvsadm('-Sn').split('\n').filter(Boolean),
      timeouts: ipvsadm('-L', '--timeout').trim(),
      addresses: execFileSync('ip', ['-o', '-4', 'addr', 'show', 'dev', 'd0'], { encoding: 'utf8' }),
      sysctls: Object.fromEntries(SYSCTLS.map((one) => [one, sysctl(one)])),
      modules: existsSync(MODULES) ? readFileSync(MODULES, 'utf8') : undefined,
    });
  };
  const write = (dataplane: string, ...services: string[]): void =>
    writeFileSync(configFile, configOf(dataplane, services));

  const places = ['--run-dir', join(DIRECTORY, 'run'), '--state-dir', join(DIRECTORY, 'state')];
  const start = () => startDaemon(program, ['-c', configFile, ...places, '--pin-dir', PINS]);

  ipvsadm('-A', '-t', '198.51.100.1:80', '-s', 'rr');
  note('before', undefined);
  const [web, other] = [`port: 80, scheduler: wrr`, `port: 443, scheduler: rr`];

  write('ipvs', `${web}, ${serversAt(3, 1)}`, `${other}, persistence: {timeout: 90s}, ${serversAt(1)}`);
  let daemon = start();
  note('start', JSON.parse(await daemon.until('"event":"ready"')));
  note('status', (await client.status()).plane);
  note('services', await client.services());

  const mail = `port: 25, method: direct, ${serversAt(1, 1).replace('weight: 1}]', 'weight: 1, method: tunnel}]')}`;
  const same = `${other}, persistence: {timeout: 90s}, ${serversAt(1)}`;
  write('ipvs', `${web}, ${serversAt(3, 0, 2)}`, same, mail);
  note('other methods', await client.reload());
  write('ipvs', `${web}, ${serversAt(3, 0, 2)}`, same);
  note('reload', await client.reload());

  // By our own ipvsadm: what is Weir's, what is somebody else's, and what is new.
  const ours = async (program: string, words: string, input = ''): Promise<string> => {
    let said = '';
    const say = (text: string) => {
      said += text;
    };
    const code = await run(program, words.split(' ').filter(Boolean), {
      out: say,
      err: say,
      input: () => Buffer.from(input),
      open: () => openTable(join(DIRECTORY, 'run'), 'alice'),
      lookups: openLookups(),
    });
    return `${code} ${said}`;
  };
  const said = [
    await ours('ipvsadm', '-a -t 203.0.113.100:80 -r 192.168.1.104 -g -w 4'),
    await ours('ipvsadm', '-e -t 203.0.113.100:80 -r 192.168.1.101:80 -m -w 0 -x 9'),
    await ours('ipvsadm', '-a -t 198.51.100.1:80 -r 192.168.1.101 -m'),
    await ours('ipvsadm', '-A -f 9 -s rr'),
    await ours('ipvsadm', '-R', '-A -t 203.0.113.100:80 -s rr\n-d -t 203.0.113.100:443 -r 192.168.1.101\n'),
    await ours('ipvsadm', '-A -t 203.0.113.100:81 -s twos'),
    await ours('ipvsadm', '--set 600 0 300'),
    await ours('ipvsadm', '--set 100 0 0'),
  ];
  const { steps: toRepair } = (await client.diff()) as { readonly steps?: readonly unknown[] };
  note('overrides', [said, await client.reload(), toRepair, await client.overrides()]);
  const restored =
    '-A -t 198.51.100.1:80 -s wrr\n-A -t 203.0.113.100:80 -s rr\n-a -t 203.0.113.100:80 -r 192.168.1.101 -m\n';
  note('restored', await ours('ipvsadm-restore', '', restored));
  note('cleared', await ours('ipvsadm', '-C'));
  ipvsadm('-A', '-t', '198.51.100.1:80', '-s', 'rr');
  note('dropped', [await client.dropOverrides('all'), await client.overrides()]);

  // What no other plane has.
  const own = configOf('ipvs', [`${web}, ${serversAt(3, 0, 2)}`, same]);
  writeFileSync(configFile, own + ALONE);
  const reloaded = await client.reload();
  note('alone', [reloaded, daemons(), (await client.services()).map(({ key }) => key)]);
  ipvsadm('--stop-daemon', 'master');
  note('drift of a daemon', [JSON.parse(await daemon.until('"event":"drift_repaired"')), daemons()]);
  ipvsadm('--start-daemon', 'backup', '--mcast-interface', 'c0', '--syncid', '1');
  writeFileSync(configFile, own);
  note('without', [await client.reload(), daemons()]);
  // The kernel takes nothing so short for a backup.
  writeFileSync(configFile, `${own}sync_daemons: {backup: {sync_id: 7, max_length: 500}}\n`);
  note('instead', [await client.reload(), daemons(), await client.diff()]);
  writeFileSync(configFile, own);
  note('none', [await client.reload(), daemons()]);

  // One change: a look may come between two.
  ipvsadm('-e', '-t', '203.0.113.100:80', '-r', '192.168.1.101:80', '-m', '-w', '9');
  note('drift', JSON.parse(await daemon.until('"subject":"tcp 203.0.113.100:80"')));

  write('ipvs', `${web}, no_server: drop, ${serversAt(3)}`);
  note('beyond', await client.reload());

  // Debian's user-mode-linux has no twos: the kernel refuses in the middle of the plan.
  write('ipvs', `port: 79, scheduler: twos, ${serversAt(1)}`, `${web}, ${serversAt(4)}`);
  note('refusal', await client.reload().catch((error: Error) => error.message));
  note('still refused', await client.diff());
  write('ipvs', `port: 79, scheduler: lc, ${serversAt(1)}`, `${web}, ${serversAt(4)}`);
  note('after the refusal', await client.reload());

  daemon.child.kill('SIGKILL');
  await daemon.ended;
  note('killed', undefined);
  daemon = start();
  note('start again', JSON.parse(await daemon.until('"event":"ready"')));

  write('bpf', `port: 79, scheduler: lc, ${serversAt(1)}`, `${web}, ${serversAt(4)}`);
  note('another plane', await client.diff());
  const down = await client.down();
  await daemon.ended;
  note('down', down);

  write('auto', `${web}, ${serversAt(1)}`);
  daemon = start();
  await daemon.until('"event":"ready"');
  note('auto', (await client.status()).plane);
  daemon.child.kill('SIGTERM');
  await daemon.ended;
  const alone = [program, 'down', ...places, '--pin-dir', PINS];
  note('down alone', execFileSync(process.execPath, alone, { encoding: 'utf8' }));
  process.stdout.write(JSON.stringify(steps));
}

await main();

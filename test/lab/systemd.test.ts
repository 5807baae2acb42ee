/** The units of packaging/systemd under a real systemd, installed as a package would: boot, readiness, watchdog, restarts, sandbox. */
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ServerStatus } from '../../src/core/health/status.ts';
import { type LabClient, labClient } from '../../src/lab/client-api.ts';
import { createLab, type Lab } from '../../src/lab/lab.ts';
import { startRealServers } from '../../src/lab/real-servers.ts';
import { bootSystemd, type SystemdMachine } from '../../src/lab/systemd/machine.ts';
import { labVip } from '../../src/lab/topology.ts';
import { type Draft, draft, type ServiceDraft, serversOn } from './director-lab.ts';

const vip = labVip.ipv4;
const FILE = '/etc/weir/weir.yaml';
/** An exec check passes while it is there; programs of checks have a /tmp of their own. */
const ECHO_UP = '/etc/weir/echo-is-up';
const AGENT = { address: '192.168.1.1', port: 9999 };
/** Debian's group of those who may read logs and settings, and a user who is not root. */
const [ADM, NOBODY] = [4, 65_534];

describe('under systemd', () => {
  let lab: Lab;
  let machine: SystemdMachine;
  let client: LabClient;

  const timing = { interval: '1s', timeout: '900ms' };
  const web = (port: number): ServiceDraft => ({
    protocol: 'tcp',
    address: vip,
    port,
    scheduler: 'rr',
    servers: serversOn(lab.servers, 80),
  });
  /** Checked in every way, and its clients are reset when it is down. */
  const checked = (): ServiceDraft => ({
    protocol: 'tcp',
    address: vip,
    port: 7,
    scheduler: 'rr',
    on_down: 'reset',
    checks: [
      { type: 'ping', ...timing },
      { type: 'http', ...timing, connect_port: 80 },
      { type: 'exec', ...timing, command: ['/usr/bin/test', '-e', ECHO_UP] },
    ],
    servers: serversOn(lab.servers.slice(0, 1), 7),
  });
  /** Not checked, so that no check which a busy machine fails ends what is held open here. */
  const unchecked = (): ServiceDraft => ({
    protocol: 'tcp',
    address: vip,
    port: 9,
    servers: serversOn(lab.servers, 7),
  });
  const config = (services: readonly ServiceDraft[], more: Draft = {}): string =>
    JSON.stringify(
      draft(services, {
        vips: [{ address: `${vip}/24` }],
        masquerade: [{ source: '192.168.1.0/24', interface: 'eth0' }],
        notify: [{ command: ['/usr/bin/logger', '-t', 'told', '--'], events: ['server_down', 'server_up'] }],
        ...more,
      }),
      null,
      2,
    );
  const write = (text: string): void => writeFileSync(machine.path(FILE), text);
  const ctl = (...words: string[]) => machine.exec(['systemctl', ...words]);
  const mustCtl = (...words: string[]) => machine.run(['systemctl', ...words]);
  /** What one unit, or one of its programs, has said. */
  const journal = (...words: string[]) =>
    machine.run(['journalctl', '--boot', '--quiet', '--no-pager', '--output=cat', ...words]);
  /** Awaited: what a unit has said may still be on its way to the journal. */
  const said = (unit: string) => expect.poll(() => journal(`--unit=${unit}`), { interval: 200 });
  const weir = () =>
    machine.show(
      'weir.service',
      'ActiveState',
      'SubState',
      'MainPID',
      'NRestarts',
      'Result',
      'ExecMainStatus',
      'StatusText',
    );
  const flows = async (port: number): Promise<void> => {
    const { completed, failures } = await client.requests({ url: `http://${vip}:${port}/`, count: 6 });
    expect(failures).toEqual([]);
    expect(completed).toBe(6);
  };
  /** Waits until systemd has started the daemon again by itself, and it is ready. */
  const restarted = async (before: Awaited<ReturnType<typeof weir>>): Promise<void> => {
    await expect
      .poll(
        async () => {
          const { ActiveState, MainPID, NRestarts } = await weir();
          return {
            ActiveState,
            another: MainPID !== before.MainPID,
            again: Number(NRestarts) > Number(before.NRestarts),
          };
        },
        { timeout: 45_000, interval: 200 },
      )
      .toEqual({ ActiveState: 'active', another: true, again: true });
  };

  beforeAll(async () => {
    lab = await createLab({ prefix: 'weirtest' });
    await startRealServers(lab);
    client = labClient(lab, lab.clients[0]!);
    machine = await bootSystemd(lab, lab.director, {
      enabled: ['weir.service'],
      files: {
        [FILE]: config([web(80), checked(), unchecked()]),
        [ECHO_UP]: '',
        '/etc/default/weir-agent': `WEIR_AGENT_ARGS=--listen ${AGENT.address}:${AGENT.port} --allow 192.168.1.0/24\n`,
      },
    });
  });
  afterAll(async () => {
    await machine?.close();
    await lab?.close();
  });
  // Every start counts for StartLimitBurst=, as an operator's would.
  beforeEach(async () => void (await mustCtl('reset-failed')));

  it('start at boot, which is over when all is as configured', async () => {
    // Units of the host's own may fail in a container.
    const multiUser = await machine.show('multi-user.target', 'ActiveState');
    expect(multiUser.ActiveState, await journal()).toBe('active');
    expect(await weir()).toMatchObject({ ActiveState: 'active', StatusText: '3 services on 2 interfaces' });
    await flows(80);
  });

  it('are without a mistake, and leave little open', async () => {
    const units = ['weir', 'weir-agent', 'weir-rules'].map((name) => `${name}.service`);
    const { code, stdout, stderr } = await machine.exec(['systemd-analyze', 'verify', '--man=no', ...units]);
    expect({ code, said: stdout + stderr }).toEqual({ code: 0, said: '' });
    // Tenths, of a scale that ends at 10.0 (systemd-analyze(1)).
    for (const [unit, most] of [
      ['weir', 27],
      ['weir-agent', 15],
    ] as const) {
      const { code, stdout } = await machine.exec([
        'systemd-analyze',
        'security',
        '--no-pager',
        `--threshold=${most}`,
        `${unit}.service`,
      ]);
      expect(code, stdout).toBe(0);
      console.log(stdout.trimEnd().split('\n').at(-1));
    }
  });

  it('leave the traffic flowing at a stop, and are started when all is as configured', async () => {
    await mustCtl('stop', 'weir');
    expect(await weir()).toMatchObject({ ActiveState: 'inactive', Result: 'success' });
    await flows(80);
    write(config([web(80), web(81), checked(), unchecked()]));
    await mustCtl('start', 'weir');
    await flows(81);
  });

  it('reload a good file, and refuse a bad one saying why', async () => {
    write(config([web(80), web(81), web(82), checked(), unchecked()]));
    await mustCtl('reload', 'weir');
    await flows(82);
    const before = await weir();
    write('nonsense: true\n');
    expect((await ctl('reload', 'weir')).code).toBe(1);
    await said('weir').toMatch(/weir\.yaml:1:1: .*nonsense/);
    const after = await weir();
    expect(after).toMatchObject({
      ActiveState: 'active',
      MainPID: before.MainPID,
      StatusText: expect.stringContaining('refused'),
    });
    await flows(82);
    write(config([web(80), checked(), unchecked()]));
    await mustCtl('reload', 'weir');
    expect(await weir()).toMatchObject({ MainPID: before.MainPID, StatusText: '3 services on 2 interfaces' });
  });

  it('start the daemon again when it is killed, while connections go on', async () => {
    const held = await client.hold({ address: vip, port: 9, count: 4, sourcePort: 21_100 });
    const before = await weir();
    await mustCtl('kill', '--kill-whom=main', '--signal=KILL', 'weir');
    await restarted(before);
    expect(await held.close()).toMatchObject({ alive: 4, dead: [] });
    await flows(80);
  });

  it('start it again when its loop hangs, while connections go on', async () => {
    const dropIn = machine.path('/etc/systemd/system/weir.service.d');
    await machine.run(['mkdir', '/etc/systemd/system/weir.service.d']);
    writeFileSync(`${dropIn}/watchdog.conf`, '[Service]\nWatchdogSec=5\n');
    await mustCtl('daemon-reload');
    await mustCtl('restart', 'weir');
    const held = await client.hold({ address: vip, port: 9, count: 4, sourcePort: 21_200 });
    const before = await weir();
    await mustCtl('kill', '--kill-whom=main', '--signal=STOP', 'weir');
    await restarted(before);
    await said('weir').toContain('Watchdog timeout');
    expect(await held.close()).toMatchObject({ alive: 4, dead: [] });
    rmSync(dropIn, { recursive: true });
    await mustCtl('daemon-reload');
  });

  it('do not try a bad file, or a second daemon, again and again', async () => {
    const good = config([web(80), checked(), unchecked()]);
    await mustCtl('stop', 'weir');
    write('nonsense: true\n');
    expect((await ctl('start', 'weir')).code).toBe(1);
    expect(await weir()).toMatchObject({ SubState: 'failed', ExecMainStatus: '5', NRestarts: '0' });
    await flows(80);
    write(good);
    await machine.run([
      'systemd-run',
      '--quiet',
      '--unit=another',
      '--service-type=notify',
      '/usr/bin/weir',
      'run',
    ]);
    expect((await ctl('start', 'weir')).code).toBe(1);
    expect(await weir()).toMatchObject({ SubState: 'failed', ExecMainStatus: '6', NRestarts: '0' });
    await mustCtl('stop', 'another');
    await mustCtl('start', 'weir');
    expect(await weir()).toMatchObject({ ActiveState: 'active', Result: 'success' });
    // Nothing to direct is no failure.
    await mustCtl('stop', 'weir');
    rmSync(machine.path(FILE));
    await mustCtl('start', 'weir');
    expect(await weir()).toMatchObject({ ActiveState: 'inactive', Result: 'success' });
    write(good);
    await mustCtl('start', 'weir');
  });

  it('let the daemon check by ping, by a program and by HTTP, tell programs, and reset clients', async () => {
    const status = async (): Promise<readonly ServerStatus[]> =>
      JSON.parse(await machine.run(['weir', 'servers', '-o', 'json']));
    const verdicts = async () =>
      (await status()).map(({ health }) =>
        health?.checks.map(({ last }) => last?.outcome ?? 'none').join(' '),
      );
    await expect.poll(verdicts, { timeout: 20_000, interval: 200 }).toContain('passed passed passed');
    const held = await client.hold({ address: vip, count: 2, sourcePort: 21_300 });
    rmSync(machine.path(ECHO_UP));
    await expect
      .poll(() => journal('--identifier=told'), { timeout: 20_000, interval: 200 })
      .toContain('server_down ');
    expect((await held.close()).alive).toBe(0);
    writeFileSync(machine.path(ECHO_UP), '');
    await expect
      .poll(() => journal('--identifier=told'), { timeout: 20_000, interval: 200 })
      .toContain('server_up ');
  });

  it('let the daemon put right what others change', async () => {
    await machine.run(['sysctl', '-q', '-w', 'net.ipv4.ip_forward=0']);
    await machine.run(['nft', 'flush', 'ruleset']);
    await machine.run(['ip', 'addr', 'del', `${vip}/24`, 'dev', 'eth0']);
    const repaired = async () =>
      (await journal('--unit=weir'))
        .split('\n')
        .flatMap((line) => /"event":"drift_repaired","step":"(\w+)"/.exec(line)?.[1] ?? []);
    await expect
      .poll(repaired, { timeout: 20_000, interval: 200 })
      .toEqual(expect.arrayContaining(['add_masquerade', 'add_vip', 'set_sysctl']));
    expect(await machine.run(['sysctl', '-n', 'net.ipv4.ip_forward'])).toBe('1\n');
    await flows(80);
  });

  it('let the daemon keep what operators say, and the owner of its file', async () => {
    const text = config([web(80), web(83), checked(), unchecked()]);
    chownSync(machine.path(FILE), NOBODY, ADM);
    chmodSync(machine.path(FILE), 0o664);
    writeFileSync(machine.path('/root/new.yaml'), text);
    await machine.run(['weir', 'apply', '/root/new.yaml', '--persist']);
    expect(readFileSync(machine.path(FILE), 'utf8')).toBe(text);
    const { uid, gid, mode } = statSync(machine.path(FILE));
    expect({ uid, gid, mode: (mode & 0o777).toString(8) }).toEqual({ uid: NOBODY, gid: ADM, mode: '664' });
    await machine.run(['weir', 'drain', lab.servers[1]!.ipv4, '--reason', 'new disks']);
    await mustCtl('restart', 'weir');
    expect(await machine.run(['weir', 'overrides'])).toContain('new disks');
    await flows(83);
  });

  it('deny the daemon nothing that it needs', async () => {
    const said = (await journal('--unit=weir')).split('\n');
    expect(
      said.filter((line) => /EPERM|EACCES|EROFS|ENOSYS|denied|not permitted|notify_failed/i.test(line)),
    ).toEqual([]);
    expect(
      said.filter(
        (line) =>
          /^\{"level":"(error|fatal)"/.test(line) && !/"event":"(reload_refused|start_failed)"/.test(line),
      ),
    ).toEqual([]);
  });

  it('run the agent as nobody in particular, who keeps what its operator wants', async () => {
    const ask = `require('net').connect(${AGENT.port}, '${AGENT.address}').on('data', (text) => process.stdout.write(text))`;
    const answer = () => lab.run(lab.servers[0]!, [process.execPath, '-e', ask]);
    const pid = async () => (await machine.show('weir-agent', 'MainPID')).MainPID;
    // Its folder is made by root who says something before the first start, and made over to the user that is made at that.
    await machine.run(['weir', 'agent', '--state', 'maint']);
    // The unit finds it where the README puts it, too.
    await machine.run(['mv', '/usr/bin/weir', '/usr/local/bin/weir']);
    await mustCtl('start', 'weir-agent');
    const heard = () => expect.poll(() => answer().catch(String), { interval: 200 });
    await heard().toMatch(/^up maint \d+%/);
    await machine.run(['weir', 'agent', '--state', 'ready']);
    await heard().toMatch(/^up ready \d+% #/);
    const status = readFileSync(machine.path(`/proc/${await pid()}/status`), 'utf8');
    expect(status).toMatch(/^CapBnd:\t0+$/m);
    expect(status).not.toMatch(/^Uid:\t0\t/m);
    await machine.run(['weir', 'agent', '--state', 'drain', '--reason', 'new disks']);
    await heard().toMatch(/^up drain \d+% # new disks$/m);
    const before = await pid();
    await mustCtl('kill', '--kill-whom=main', '--signal=KILL', 'weir-agent');
    await expect.poll(pid, { interval: 200 }).not.toMatch(new RegExp(`^(0|${before})$`));
    await heard().toMatch(/^up drain \d+% # new disks$/m);
    expect(await journal('--unit=weir-agent')).not.toMatch(/EPERM|EACCES|denied|not permitted|agent_trouble/);
    appendFileSync(machine.path('/etc/default/weir-agent'), 'WEIR_AGENT_ARGS=--listen nowhere\n');
    await ctl('restart', 'weir-agent');
    await expect
      .poll(() => machine.show('weir-agent', 'SubState', 'ExecMainStatus'))
      .toMatchObject({ SubState: 'failed', ExecMainStatus: '2' });
  });

  // Last: it stops weir.service, beside which it is not to be.
  it('restore the rules of ipvsadm, or say what the kernel lacks', async () => {
    await mustCtl('start', 'weir-rules');
    expect(await machine.show('weir-rules', 'ActiveState', 'ConditionResult')).toEqual({
      ActiveState: 'inactive',
      ConditionResult: 'no',
    });
    writeFileSync(machine.path('/etc/ipvsadm.rules'), `-A -t ${vip}:90 -s rr\n`);
    const { code } = await ctl('start', 'weir-rules');
    expect((await weir()).ActiveState).toBe('inactive');
    if (existsSync('/proc/net/ip_vs')) return expect(code).toBe(0);
    expect(code).toBe(1);
    await said('weir-rules').toContain('modprobe ip_vs');
  });
});

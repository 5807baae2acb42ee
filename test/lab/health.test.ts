/** Health checks on real servers: each way of failing takes a server out, the traffic goes on, and it comes back. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
const timing = { interval: '200ms', timeout: '150ms', rise: 2, fall: 2 };
const boundMs = 200 * 2 + 150;

describe('health checks', () => {
  let director: DirectorLab;
  let daemon: LabProcess;
  let client: LabClient;
  let checked: CheckedServers;

  const http = { type: 'http', ...timing, connect_port: CHECKED_PORT, body: { contains: 'ok' } };
  const config = (service: Readonly<Record<string, unknown>> = {}, checks: readonly unknown[] = [http]) =>
    draft([
      {
        protocol: 'tcp',
        address: vip,
        port: 80,
        scheduler: 'rr',
        servers: serversOn(director.lab.servers, 80),
        ...{ checks, ...service },
      },
    ]);
  const servers = async () =>
    JSON.parse(await director.weir.run(['servers', '-o', 'json'])) as readonly ServerStatus[];
  const server = async (n: number) =>
    (await servers()).find(({ address }) => address === director.lab.servers[n]!.ipv4)!;
  const health = async (n: number) => {
    const { health, weight } = await server(n);
    return `${health?.verdict}${health?.checked ? '' : '?'} ${weight}`;
  };
  const become: CheckedServers['become'] = (n, state) => checked.become(n, state);
  const allUp = () =>
    expect
      .poll(async () => (await servers()).map(({ health, weight }) => `${health?.verdict} ${weight}`), {
        timeout: 15_000,
        interval: 100,
      })
      .toEqual(['up 1', 'up 1', 'up 1']);
  const spread = async () => (await client.requests({ url, count: 12 })).byServer;

  beforeAll(async () => {
    director = await directorLab();
    const { lab } = director;
    checked = await startCheckedServers(lab, lab.servers);
    client = labClient(lab, lab.clients[0]!);
    await director.write(config());
    daemon = await director.start();
  });
  afterAll(() => director?.close());

  it('say that all is well', async () => {
    await allUp();
    expect(await spread()).toEqual({ server1: 4, server2: 4, server3: 4 });
    expect((await server(0)).health).toMatchObject({
      verdict: 'up',
      checked: true,
      checks: [{ verdict: 'up', last: { outcome: 'passed', reason: 'status 200, body as expected' } }],
    });
    expect(await director.weir.run(['servers'])).toMatch(/192\.168\.1\.101:80 .* up\s*$/m);
  });

  it.each([
    ['closed', 'connection refused'],
    ['lying', 'the body does not contain "ok"'],
    ['broken', 'status 500, not 200-299'],
    ['slow', 'no answer within 150 ms'],
    ['silent', 'no answer within 150 ms'],
    ['resetting', 'connection reset'],
  ])('take out a server that is %s, and bring it back', async (state, reason) => {
    const down = nextEvent(daemon, 'server_down');
    await become(1, state);
    const from = performance.now();
    expect(await down).toMatchObject({ service: key, server: '192.168.1.102:80', reason });
    console.log(
      `${state}: down after ${Math.round(performance.now() - from)} ms; interval × fall + timeout is ${boundMs} ms`,
    );
    await expect.poll(() => health(1), { interval: 50 }).toBe('down 0');
    expect(await spread()).toEqual({ server1: 6, server3: 6 });
    expect((await server(1)).factors).toEqual([{ name: 'health', value: 0, reason }]);
    expect(await director.weir.run(['servers'])).toMatch(
      new RegExp(`192\\.168\\.1\\.102:80 .* down +${reason}`),
    );
    const up = nextEvent(daemon, 'server_up');
    await become(1, 'good');
    expect(await up).toMatchObject({ service: key, server: '192.168.1.102:80' });
    await allUp();
    expect(await spread()).toEqual({ server1: 4, server2: 4, server3: 4 });
  });

  it('take out a server whose address is gone', async () => {
    const { lab } = director;
    const host = lab.servers[2]!;
    const down = nextEvent(daemon, 'server_down');
    await lab.run(host, ['ip', 'link', 'set', 'eth0', 'down']);
    expect(await down).toMatchObject({ server: '192.168.1.103:80' });
    await expect.poll(() => health(2), { interval: 50 }).toBe('down 0');
    expect(await spread()).toEqual({ server1: 6, server2: 6 });
    await lab.run(host, ['ip', 'link', 'set', 'eth0', 'up']);
    await lab.run(host, ['ip', 'route', 'replace', 'default', 'via', '192.168.1.1']);
    await allUp();
  });

  it('leave a server that fails less often in a row than it takes', async () => {
    const events: string[] = [];
    const forget = daemon.onLine((line) => {
      if (/"event":"server_(up|down)"/.test(line)) events.push(line);
    });
    for (let round = 0; round < 3; round += 1) {
      await become(0, 'broken');
      await expect
        .poll(async () => (await server(0)).health!.checks[0]!.last!.outcome, { interval: 20 })
        .toBe('failed');
      await become(0, 'good');
      await expect
        .poll(async () => (await server(0)).health!.checks[0]!.last!.outcome, { interval: 20 })
        .toBe('passed');
      await allUp();
    }
    forget();
    // A state may have held for two checks on a busy machine; what must not be is a server that stays out.
    expect(events.length % 2).toBe(0);
  });

  it('do not touch the connections of a server that goes down', async () => {
    await director.reload(
      draft([
        {
          protocol: 'tcp',
          address: vip,
          port: 7,
          scheduler: 'rr',
          servers: serversOn(director.lab.servers, 7),
          ...{ checks: [http] },
        },
      ]),
    );
    await allUp();
    const held = await client.hold({ address: vip, port: 7, count: 6 });
    await become(0, 'broken');
    await expect
      .poll(() => server(0), { interval: 50 })
      .toMatchObject({ health: { verdict: 'down' }, weight: 0, leaving: false, active: 2 });
    expect((await held.poke()).alive).toBe(6);
    await become(0, 'good');
    await expect
      .poll(() => server(0), { interval: 50 })
      .toMatchObject({ health: { verdict: 'up' }, weight: 1, active: 2 });
    expect(await held.close()).toMatchObject({ alive: 6, byServer: { server1: 2, server2: 2, server3: 2 } });
    await director.reload(config());
    await allUp();
  });

  it('give weight 0 in place of removal where it is asked for', async () => {
    await director.reload(config({ on_failure: 'inhibit' }));
    await become(1, 'broken');
    await expect
      .poll(() => director.service(key), { interval: 50 })
      .toMatchObject({
        servers: [{ weight: 1 }, { weight: 0, leaving: false }, { weight: 1 }],
      });
    expect(await spread()).toEqual({ server1: 6, server3: 6 });
    await become(1, 'good');
    await allUp();
    await director.reload(config());
  });

  it('give all clients to the sorry server while the quorum is lost', async () => {
    const [first, second, third] = director.lab.servers;
    await director.reload(
      config({
        quorum: 2,
        servers: serversOn([first!, second!], 80),
        sorry_server: { address: third!.ipv4 },
      }),
    );
    expect(await spread()).toEqual({ server1: 6, server2: 6 });
    const lost = nextEvent(daemon, 'quorum_down');
    await become(1, 'broken');
    expect(await lost).toMatchObject({ service: key, weight: 1, quorum: 2, hysteresis: 0 });
    await expect.poll(() => health(0), { interval: 50 }).toBe('up 0');
    expect(await spread()).toEqual({ server3: 12 });
    expect(await director.weir.run(['servers'])).toMatch(/101:80 .* up +weight 1 is up, and the quorum is 2/);
    const met = nextEvent(daemon, 'quorum_up');
    await become(1, 'good');
    await met;
    await expect.poll(() => health(0), { interval: 50 }).toBe('up 1');
    expect(await spread()).toEqual({ server1: 6, server2: 6 });
    await director.reload(config());
    await allUp();
  });

  it('suspect the check when too many fail at once, whatever the quorum; an operator is obeyed all the same', async () => {
    const [first, second, third] = director.lab.servers;
    const wary = {
      panic_threshold: '50%',
      quorum: 2,
      servers: serversOn([first!, second!], 80),
      sorry_server: { address: third!.ipv4 },
    };
    await director.reload(config(wary));
    await become(0, 'broken');
    await expect.poll(() => health(0), { interval: 50 }).toBe('down 0');
    // Half of them are up: no panic yet, but no quorum.
    expect(await spread()).toEqual({ server3: 12 });
    const panic = nextEvent(daemon, 'panic_on');
    await become(1, 'broken');
    expect(await panic).toMatchObject({ service: key, failed: 2, of: 2, panic_threshold: '50%' });
    await expect.poll(() => health(1), { interval: 50 }).toBe('down 1');
    expect(await spread()).toEqual({ server1: 6, server2: 6 });
    expect(await director.weir.run(['servers'])).toMatch(
      /101:80 .* 1 .* down +status 500, not 200-299, since \S+; panic: 2 of 2 fail, so the check is suspected/,
    );
    // The mended check has not spoken yet, and that does not put anybody out.
    await director.write(config(wary, [{ type: 'tcp', ...timing }]));
    const { stdout } = await director.weir.exec(['diff']);
    expect(stdout).toContain('+ check tcp 192.168.1.101:80 every 200ms\n');
    expect(stdout).not.toMatch(/service|weight/);
    await director.weir.run(['drain', first!.ipv4]);
    expect(await spread()).toEqual({ server2: 12 });
    await director.weir.run(['undrain', first!.ipv4]);
    const calm = nextEvent(daemon, 'panic_off');
    await become(0, 'good');
    expect(await calm).toMatchObject({ service: key, failed: 1, of: 2 });
    await expect.poll(() => health(1), { interval: 50 }).toBe('down 0');
    await become(1, 'good');
    await director.reload(config());
    await allUp();
  });

  it('let a server that comes back, or is added, have its weight by and by', async () => {
    const [first, second, third] = director.lab.servers;
    const slow = { slow_start: '4s', scheduler: 'wrr' };
    await director.reload(config({ ...slow, servers: serversOn([first!, second!], 80, [100, 100]) }));
    expect(await health(1)).toMatch(/^up\?? 100$/);
    await expect.poll(() => health(1), { interval: 50 }).toBe('up 100');
    await become(1, 'broken');
    await expect.poll(() => health(1), { interval: 50 }).toBe('down 0');
    const up = nextEvent(daemon, 'server_up');
    await become(1, 'good');
    await up;
    const back = await server(1);
    expect(back.weight).toBeLessThan(100);
    expect(back.weight).toBeGreaterThan(0);
    expect(back.factors.find(({ name }) => name === 'slow_start')?.reason).toMatch(
      /^slow start, \d+% of its weight$/,
    );
    await expect.poll(() => health(1), { timeout: 20_000, interval: 50 }).toBe('up 100');
    await director.reload(
      config({ ...slow, servers: serversOn([first!, second!, third!], 80, [100, 100, 100]) }),
    );
    expect((await server(2)).weight).toBeLessThan(100);
    await expect.poll(() => health(2), { timeout: 20_000, interval: 50 }).toBe('up 100');
    await director.reload(config());
    await allUp();
  });

  it('keep their verdicts over a reload, a kill -9 and a start, and nobody is let in or put out by those', async () => {
    await become(1, 'broken');
    await expect.poll(() => health(1), { interval: 50 }).toBe('down 0');
    const load = await client.startRequests({ url, concurrency: 2, perSecond: 100 });
    // Another check of the same servers: new, and still the server that was down is down.
    await director.reload(config({}, [{ ...http, interval: '250ms' }]));
    expect(await health(1)).toMatch(/^down\?? 0$/);
    daemon.signal('SIGKILL');
    await daemon.ended;
    await load.reached(load.progress().count + 20);
    daemon = await director.start();
    expect((await servers()).map(({ health }) => health?.verdict)).toEqual(['up', 'down', 'up']);
    await load.reached(load.progress().count + 50);
    const result = await load.stop();
    expect(result.failed).toBe(0);
    expect(Object.keys(result.byServer).sort()).toEqual(['server1', 'server3']);
    await become(1, 'good');
    await allUp();
  });

  it('are remembered with what became of servers and why, over a reload', async () => {
    const history = async () =>
      JSON.parse(await director.weir.run(['servers', '--history', '-o', 'json'])) as readonly ServerHistory[];
    // What the daemon before this one knew is gone with it.
    const turns = async () =>
      (await history()).find(({ server: of }) => of === '192.168.1.102:80')?.transitions ?? [];
    const before = await turns();
    await become(1, 'broken');
    await expect.poll(() => health(1), { interval: 50 }).toBe('down 0');
    await director.reload(config({ scheduler: 'wrr' }));
    await become(1, 'good');
    await allUp();
    await director.weir.run(['disable', '192.168.1.102', '--reason', 'new disks']);
    await director.weir.run(['enable', '192.168.1.102']);
    const after = (await turns()).slice(before.length);
    expect(after.map(({ to, reason }) => `${to} ${reason}`)).toEqual([
      'down status 500, not 200-299 (http GET 192.168.1.102:8100/)',
      'up its check passes',
      'disabled new disks',
      'enabled ',
    ]);
    expect(after.map(({ at }) => at)).toEqual(after.map(({ at }) => at).sort());
    await director.reload(config());
  });

  it('have programs run: by the event, with nothing of the daemon but what they are told', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'weir-notify-'));
    const program = join(folder, 'tell');
    const text = '#!/bin/sh\n{ echo "$@"; env; ls -l /proc/self/fd; } >"$1/$2" 2>&1\n';
    writeFileSync(program, text, { mode: 0o755 });
    const command = [program, folder];
    const more = { notify: [{ command, events: ['server_down', 'panic_on'] }] };
    const { services } = config({ panic_threshold: '50%' });
    await director.reload(draft(services as never, more));
    const said = (event: string) => {
      try {
        return readFileSync(join(folder, event), 'utf8');
      } catch {
        return '';
      }
    };
    await become(0, 'broken');
    await expect.poll(() => said('server_down'), { timeout: 15_000, interval: 50 }).toContain('/dev/null');
    const down = said('server_down');
    expect(down).toContain(`${folder} server_down ${key} 192.168.1.101:80\n`);
    expect(down).toContain('WEIR_REASON=status 500, not 200-299\n');
    expect(down).not.toMatch(/HOME=|bpf|socket:|weir\.lock/);
    await become(1, 'broken');
    await expect.poll(() => said('panic_on'), { timeout: 15_000, interval: 50 }).toContain('/dev/null');
    for (const pair of ['WEIR_FAILED=2', 'WEIR_OF=3', 'WEIR_PANIC_THRESHOLD=50%'])
      expect(said('panic_on')).toContain(`${pair}\n`);
    await become(0, 'good');
    await become(1, 'good');
    await allUp();
    expect(said('server_up')).toBe('');
    await director.write(draft(services as never, { notify: [{ command: [join(folder, 'absent')] }] }));
    expect(await director.weir.exec(['check'])).toMatchObject({
      code: 0,
      stderr: expect.stringContaining(`warning: notify[0].command: ${join(folder, 'absent')} is not there`),
    });
    await director.reload(config());
    rmSync(folder, { recursive: true });
  });

  it('tell weir diff and weir check about themselves', async () => {
    await director.write(config({}, [{ type: 'tcp', ...timing }]));
    const { code, stdout } = await director.weir.exec(['diff']);
    expect(code).toBe(1);
    expect(stdout).toContain('+ check tcp 192.168.1.101:80 every 200ms\n');
    expect(stdout).toContain('- check http GET 192.168.1.101:8100/ every 200ms\n');
    expect(stdout).not.toContain('no changes');
    expect(await director.weir.run(['check'])).toContain('checked by tcp :80 every 200ms');
    await director.weir.run(['reload']);
    await allUp();
    expect((await server(0)).health!.checks.map(({ check }) => check)).toEqual(['tcp 192.168.1.101:80']);
  });

  it('start servers as down where it is asked for, and take nothing out that is not down', async () => {
    await director.reload(draft([]));
    await become(2, 'broken');
    await director.reload(config({ start_as: 'down' }));
    await expect
      .poll(async () => Promise.all([health(0), health(1)]), { timeout: 10_000, interval: 50 })
      .toEqual(['up 1', 'up 1']);
    const serving = (await director.service(key)).servers.filter(({ leaving }) => !leaving);
    expect(serving.map(({ address }) => address)).toEqual(['192.168.1.101', '192.168.1.102']);
    await become(2, 'good');
    await allUp();
    expect(director.errors()).toEqual([]);
  });
});

/** The director under a service manager: with the unit's own capabilities, told of and watched over a real datagram socket. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LabClient, labClient } from '../../src/lab/client-api.ts';
import type { LabProcess } from '../../src/lab/process.ts';
import { weirProgram } from '../../src/lab/programs.ts';
import { labVip } from '../../src/lab/topology.ts';
import { type NotifyReceiver, notifyReceiver } from '../support/notify-receiver.ts';
import { type DirectorLab, directorLab, draft, serversOn } from './director-lab.ts';

const vip = labVip.ipv4;
const unit = readFileSync(
  fileURLToPath(new URL('../../packaging/systemd/weir.service', import.meta.url)),
  'utf8',
);

/** What the unit leaves of root's capabilities, as setpriv(1) takes it. */
function boundingSet(): string {
  const names = /^CapabilityBoundingSet=(.+)$/m.exec(unit)?.[1]?.split(' ') ?? [];
  return ['-all', ...names.map((name) => `+${name.replace('CAP_', '').toLowerCase()}`)].join(',');
}

describe('weir.service', () => {
  let director: DirectorLab;
  let manager: NotifyReceiver;
  let daemon: LabProcess;
  let client: LabClient;
  const config = (weights: readonly number[]) =>
    draft(
      [
        {
          protocol: 'tcp',
          address: vip,
          port: 80,
          scheduler: 'wrr',
          servers: serversOn(director.lab.servers.slice(0, weights.length), 80, weights),
        },
      ],
      { masquerade: [{ source: '192.168.1.0/24', interface: 'eth0' }] },
    );

  beforeAll(async () => {
    director = await directorLab();
    await director.write(config([1, 1]));
    const { lab, weir } = director;
    const name = join(lab.runDir, 'notify');
    manager = notifyReceiver(name);
    daemon = await lab.spawn(
      lab.director,
      [
        ...['setpriv', `--bounding-set=${boundingSet()}`, '--no-new-privs'],
        ...['env', `NOTIFY_SOCKET=${name}`, 'WATCHDOG_USEC=400000'],
        ...[process.execPath, weirProgram(), 'run', '--config', weir.configFile],
        ...['--run-dir', lab.runDir, '--state-dir', lab.stateDir, '--pin-dir', lab.pinDir],
      ],
      { title: 'weir run as a service' },
    );
    director.watch(daemon);
    client = labClient(lab, lab.clients[0]!);
  });
  afterAll(async () => {
    await director?.close();
    manager?.close();
  });

  it('is ready when all is as configured, with no more than the capabilities of its unit', async () => {
    const ready = await manager.waitFor((notice) => notice['READY'] === '1');
    expect(ready['STATUS']).toBe('1 service on 2 interfaces');
    expect((await client.requests({ url: `http://${vip}/`, count: 4 })).byServer).toEqual({
      server1: 2,
      server2: 2,
    });
    expect(daemon.output()).not.toContain('notify_failed');
  });

  it('feeds the watchdog for as long as its loop comes round', async () => {
    const fed = () => manager.notices().filter((notice) => notice['WATCHDOG'] === '1').length;
    const before = fed();
    await expect.poll(fed, { timeout: 10_000, interval: 100 }).toBeGreaterThan(before + 3);
  });

  it('says when a reload begins, and that it has ended, with one that is refused too', async () => {
    const outcomes = () =>
      manager.notices().filter((notice) => 'RELOADING' in notice || 'READY' in notice).length;
    const before = outcomes();
    const now = process.hrtime.bigint() / 1_000n;
    await director.write(config([3, 1]));
    daemon.signal('SIGHUP');
    await expect.poll(outcomes, { timeout: 10_000, interval: 50 }).toBe(before + 2);
    const [reloading, ready] = manager
      .notices()
      .filter((notice) => 'RELOADING' in notice || 'READY' in notice)
      .slice(-2);
    expect(reloading).toMatchObject({ RELOADING: '1' });
    expect(BigInt(reloading!['MONOTONIC_USEC']!)).toBeGreaterThanOrEqual(now);
    expect(ready).toEqual({ READY: '1', STATUS: '1 service on 2 interfaces' });
    await director.weir.writeConfig('nonsense: true\n');
    expect((await director.weir.exec(['reload'])).code).toBe(5);
    await expect.poll(outcomes, { timeout: 10_000, interval: 50 }).toBe(before + 4);
    expect(manager.notices().findLast((notice) => 'READY' in notice)?.['STATUS']).toContain('refused');
  });

  it('says that it stops, and the traffic goes on', async () => {
    expect((await daemon.stop()).code).toBe(0);
    expect(manager.notices().at(-1)).toEqual({ STOPPING: '1', STATUS: 'the traffic goes on' });
    expect((await client.requests({ url: `http://${vip}/`, count: 4 })).byServer).toEqual({
      server1: 3,
      server2: 1,
    });
    expect(director.errors('reload_refused')).toEqual([]);
  });
});

/** Against a real datagram socket, such as a service manager listens on. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type NotifyReceiver, notifyReceiver } from '../../test/support/notify-receiver.ts';
import { unixAddress } from '../kernel/notify.ts';
import { openLog } from '../observe/log.ts';
import { openSupervisor, pulseInterval } from './supervisor.ts';

let dir: string;
let manager: NotifyReceiver | undefined;
let logged: string[];
const log = () => openLog({ level: 'info', destination: { write: (line) => logged.push(line) } });

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-notify-'));
  logged = [];
});
afterEach(() => {
  manager?.close();
  manager = undefined;
  rmSync(dir, { recursive: true });
});

describe('the service manager', () => {
  test.each([
    ['on a path', () => join(dir, 'notify')],
    ['under an abstract name', () => `@weir-test-${process.pid}`],
  ])('%s is told everything, a datagram each', (_, name) => {
    manager = notifyReceiver(name());
    const supervisor = openSupervisor({ NOTIFY_SOCKET: name(), WATCHDOG_USEC: '30000000' }, log());
    expect(supervisor.pulseMs).toBe(15_000);
    const before = process.hrtime.bigint() / 1_000n;
    supervisor.ready('3 services');
    supervisor.status('a status\nof two lines');
    supervisor.reloading();
    supervisor.pulse();
    supervisor.stopping('the traffic goes on');
    supervisor.close();
    const after = process.hrtime.bigint() / 1_000n;
    const notices = manager.notices();
    expect(notices).toEqual([
      { READY: '1', STATUS: '3 services' },
      { STATUS: 'a status of two lines' },
      {
        RELOADING: '1',
        MONOTONIC_USEC: expect.stringMatching(/^\d+$/),
        STATUS: 'reading the configuration again',
      },
      { WATCHDOG: '1' },
      { STOPPING: '1', STATUS: 'the traffic goes on' },
    ]);
    const reloadedAt = BigInt(notices[2]!['MONOTONIC_USEC']!);
    expect(reloadedAt >= before && reloadedAt <= after).toBe(true);
    expect(logged).toEqual([]);
  });

  test('that has gone is missed in the log, and nothing fails', () => {
    const name = join(dir, 'notify');
    notifyReceiver(name).close();
    const supervisor = openSupervisor({ NOTIFY_SOCKET: name }, log());
    supervisor.ready('all is well');
    supervisor.close();
    expect(logged.join('')).toMatch(/"event":"notify_failed".*ECONNREFUSED/);
  });

  test('that cannot be reached by such a name is said in the log', () => {
    const supervisor = openSupervisor({ NOTIFY_SOCKET: 'vsock:2:1234', WATCHDOG_USEC: '2000000' }, log());
    supervisor.ready('all is well');
    expect(supervisor.pulseMs).toBeUndefined();
    expect(logged.join('')).toMatch(/notify_failed.*vsock:2:1234/);
  });

  test('that is not there is told nothing', () => {
    const supervisor = openSupervisor({ WATCHDOG_USEC: '2000000' }, log());
    supervisor.ready('all is well');
    supervisor.close();
    expect(supervisor.pulseMs).toBeUndefined();
    expect(logged).toEqual([]);
  });
});

test.each([
  [{}, undefined],
  [{ WATCHDOG_USEC: '30000000' }, 15_000],
  [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '42' }, 15_000],
  [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '43' }, undefined],
  [{ WATCHDOG_USEC: '0' }, undefined],
  [{ WATCHDOG_USEC: 'soon' }, undefined],
])('with %j the loop has to say that it is alive every %s ms', (env, expected) => {
  expect(pulseInterval(env, 42)).toBe(expected);
});

test('an address is a path with its final zero, or an abstract name without', () => {
  expect([...unixAddress('/a')]).toEqual([1, 0, 0x2f, 0x61, 0]);
  expect([...unixAddress('@a')]).toEqual([1, 0, 0, 0x61]);
  expect(() => unixAddress(`/${'x'.repeat(107)}`)).toThrow(RangeError);
  expect(unixAddress(`@${'x'.repeat(107)}`)).toHaveLength(110);
});

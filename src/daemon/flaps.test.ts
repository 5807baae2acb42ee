import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { ChecksListener } from '../checks/open.ts';
import { parseConfig } from '../config/parse.ts';
import { NO_CHECKS } from '../core/health/scheduler.ts';
import { freshState } from '../core/health/state.ts';
import type { Log } from '../observe/log.ts';
import { Health } from './health.ts';

const FILE = `director: {public: eth0, private: eth1}
services:
  - protocol: tcp
    address: 203.0.113.100
    port: 80
    checks: [{type: tcp}]
    flap_damping: {downs: 3, within: 1m, calm: 30s}
    servers: [{address: 192.168.1.101}, {address: 192.168.1.102}]
`;

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

/** Health of two servers, whose checks say what the test says. */
function stage(file = FILE) {
  const parsed = parseConfig(file, 'f');
  if (!parsed.ok) throw new Error('the file is wrong');
  const { config } = parsed;
  const told: string[] = [];
  const note = (event: string, { server, reason }: { server?: string; reason?: string } = {}) => {
    told.push(`${event} ${server?.slice(10, 13)}: ${reason}`);
  };
  let changes = 0;
  let listener: ChecksListener | undefined;
  const health = new Health({
    log: { info: note, warn: note, error: note } as unknown as Log,
    changed: () => {
      changes++;
    },
    overrides: { load: () => new Map(), save: () => {} },
    open: (its) => {
      listener = its;
      const report = async () => ({ states: new Map(), scheduler: NO_CHECKS });
      return { set: () => {}, report, latest: NO_CHECKS, close: async () => {} };
    },
  });
  health.adopt(config, health.watchUnder(config));
  const keys = [...health.watch.checks.keys()];
  const say = (n: 0 | 1, verdict: 'up' | 'down') =>
    listener!.changed(
      new Map([
        [
          keys[n]!,
          {
            ...freshState(Date.now()),
            verdict,
            decided: { outcome: 'failed', reason: 'refused', tookMs: 1 },
          },
        ],
      ]),
    );
  return {
    health,
    config,
    say,
    told: () => told.splice(0),
    changes: () => changes,
    weights: () =>
      health
        .weigh(config)(config.services[0]!)
        .servers.map(({ address }) => address.slice(-3)),
    /** Five seconds after the other. */
    flap: (n: 0 | 1, times: number) => {
      for (let i = 0; i < times; i++)
        for (const verdict of ['down', 'up'] as const) {
          vi.advanceTimersByTime(5_000);
          say(n, verdict);
        }
    },
  };
}

it('holds a server that flaps until it is calm, says so once, and then lets it in by itself', async () => {
  const { health, say, told, changes, weights, flap } = stage();
  say(0, 'up');
  say(1, 'up');
  flap(0, 2);
  expect(told()).toEqual([
    'server_down 101: refused',
    'server_up 101: its check passes',
    'server_down 101: refused',
    'server_up 101: its check passes',
  ]);
  flap(0, 1);
  const held = 'held down: went down 3 times in 1m; back once it has been up for 30s';
  expect(told()).toEqual(['server_down 101: refused', `server_held 101: ${held}`]);
  expect(weights()).toEqual(['102']);
  const [shown] = await health.servers([]);
  expect(shown).toMatchObject({
    weight: 0,
    health: { verdict: 'down', reason: 'held down: went down 3 times in 1m; back in 30s if it stays up' },
  });
  // What it does while it is held changes nothing, but that it takes longer.
  vi.advanceTimersByTime(20_000);
  flap(0, 1);
  expect(told()).toEqual([]);
  vi.advanceTimersByTime(29_999);
  expect([told(), weights()]).toEqual([[], ['102']]);
  const before = changes();
  vi.advanceTimersByTime(1);
  expect(told()).toEqual(['server_up 101: its check passes, and it is no longer held down']);
  expect([weights(), changes()]).toEqual([['101', '102'], before + 1]);
  expect(health.history[0]?.transitions.map(({ to }) => to)).toEqual([
    'down',
    'up',
    'down',
    'up',
    'down',
    'held',
    'up',
  ]);
  await health.close();
});

it('lets it in while the other is down, and holds it again after that', async () => {
  const { health, config, say, told, weights, flap } = stage();
  say(0, 'up');
  say(1, 'up');
  flap(0, 3);
  told();
  say(1, 'down');
  const times = 'went down 3 times in 1m';
  expect(told()).toEqual([
    'server_down 102: refused',
    `server_up 101: ${times}, but is needed: no other server is there`,
  ]);
  expect(weights()).toEqual(['101']);
  // In use, its ups and downs are told.
  flap(0, 1);
  expect(told()).toEqual([
    'server_down 101: refused',
    expect.stringContaining('server_up 101: went down 4 times'),
  ]);
  say(1, 'up');
  expect(told()).toEqual([
    'server_up 102: its check passes',
    'server_held 101: held down: went down 4 times in 1m; back in 30s if it stays up',
  ]);
  // A reload keeps what is held, unless it is without damping.
  health.adopt(config, health.watchUnder(config));
  expect(weights()).toEqual(['102']);
  await health.close();
});

it('is ended by an operator who says that the server is to serve, or takes the others away', async () => {
  const { health, say, told, weights, flap } = stage();
  say(0, 'up');
  say(1, 'up');
  flap(0, 3);
  told();
  health.override({ of: '192.168.1.102', state: 'drain' });
  expect(told()).toContain('server_up 101: went down 3 times in 1m, but is needed: no other server is there');
  health.override({ of: '192.168.1.102', state: 'up' });
  expect(told()).toContainEqual(expect.stringContaining('server_held 101'));
  expect(weights()).toEqual(['102']);
  health.override({ of: '192.168.1.101', state: 'up' });
  expect(told()).toContainEqual('server_up 101: its check passes, and it is no longer held down');
  expect(weights()).toEqual(['101', '102']);
  await health.close();
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Address } from '../address/address.ts';
import { type RealServer, serviceKey, type VirtualService } from '../model/service.ts';
import { DEFAULT_TIMEOUTS } from '../model/state.ts';
import { DEFAULT_SYNC_GROUP, type SyncDaemon } from '../model/sync-daemon.ts';
import { explainPlan, explainStep, formatDuration } from './explain.ts';
import type { Step, StepKind } from './step.ts';

const server = (last: number, weight: number): RealServer => ({
  address: `192.168.1.${last}` as Address,
  port: 80,
  weight,
});
const web: VirtualService = {
  protocol: 'tcp',
  address: '203.0.113.100' as Address,
  port: 80,
  scheduler: 'wlc',
  timeouts: DEFAULT_TIMEOUTS,
  servers: [server(101, 1), server(102, 1)],
};
const key = serviceKey(web);
const vip = { address: '203.0.113.100' as Address, length: 24, interface: 'eth0' };
const daemon: SyncDaemon = {
  role: 'master',
  interface: 'eth1',
  sync_id: 7,
  group: DEFAULT_SYNC_GROUP,
  port: 8848,
  ttl: 1,
};
const rule = { source: { address: '192.168.1.0' as Address, length: 24 }, interface: 'eth0' };

/** A step of every kind, which the compiler proves complete, and the lines it must give. */
const everyKind: { [K in StepKind]: readonly [Extract<Step, { kind: K }>, readonly string[]] } = {
  set_sysctl: [
    { kind: 'set_sysctl', name: 'net.ipv4.ip_forward', from: '0', to: '1' },
    ['~ sysctl net.ipv4.ip_forward  0 → 1'],
  ],
  mend_plane: [
    { kind: 'mend_plane', found: ['pins are gone: servers'] },
    ['~ data plane  pins are gone: servers'],
  ],
  add_masquerade: [{ kind: 'add_masquerade', rule }, ['+ masquerade 192.168.1.0/24 out eth0']],
  remove_masquerade: [{ kind: 'remove_masquerade', rule }, ['- masquerade 192.168.1.0/24 out eth0']],
  publish_service: [
    { kind: 'publish_service', before: undefined, after: web },
    [
      '+ service tcp 203.0.113.100:80  wlc, 2 servers',
      '+   server 192.168.1.101:80  weight 1',
      '+   server 192.168.1.102:80  weight 1',
    ],
  ],
  remove_service: [
    { kind: 'remove_service', key, before: web },
    ['- service tcp 203.0.113.100:80  2 servers'],
  ],
  set_forwarding: [
    { kind: 'set_forwarding', from: 'redirect', to: 'stack' },
    ['~ forwarding  redirect → stack'],
  ],
  attach: [{ kind: 'attach', interface: { name: 'eth0', side: 'public' } }, ['+ program on eth0 (public)']],
  detach: [{ kind: 'detach', interface: { name: 'eth1', side: 'private' } }, ['- program on eth1 (private)']],
  add_vip: [
    { kind: 'add_vip', vip: { ...vip, label: 'eth0:0' } },
    ['+ vip 203.0.113.100/24 dev eth0 label eth0:0'],
  ],
  remove_vip: [{ kind: 'remove_vip', vip }, ['- vip 203.0.113.100/24 dev eth0']],
  start_sync_daemon: [
    { kind: 'start_sync_daemon', before: undefined, after: daemon },
    ['+ master sync daemon  eth1, id 7, 224.0.0.81:8848, ttl 1'],
  ],
  stop_sync_daemon: [
    { kind: 'stop_sync_daemon', before: { ...daemon, max_length: 1400 } },
    ['- master sync daemon  eth1, id 7, 224.0.0.81:8848, ttl 1, at most 1400 bytes'],
  ],
};

describe('explainStep', () => {
  test.each(Object.values(everyKind))('%o', (step, lines) => {
    expect(explainStep(step)).toEqual(lines);
  });

  const publish = (after: Partial<VirtualService>) =>
    explainStep({ kind: 'publish_service', before: web, after: { ...web, ...after } });

  test('one changed weight stands on the line of its service', () => {
    expect(publish({ servers: [server(101, 3), server(102, 1)] })).toEqual([
      '~ service tcp 203.0.113.100:80  weight of 192.168.1.101:80  1 → 3',
    ]);
  });

  test('several changes are listed below their service: settings first, then servers gone, reweighted, new', () => {
    const timeouts = { ...DEFAULT_TIMEOUTS, established: 3_600_000, udp: 1_500 };
    expect(publish({ scheduler: 'rr', timeouts, servers: [server(102, 0), server(103, 7)] })).toEqual([
      '~ service tcp 203.0.113.100:80',
      '~   scheduler  wlc → rr',
      '~   timeout established  15m → 1h',
      '~   timeout udp  5m → 1500ms',
      '-   server 192.168.1.101:80  weight 1',
      '~   weight of 192.168.1.102:80  1 → 0',
      '+   server 192.168.1.103:80  weight 7',
    ]);
  });

  test('so is who takes what no server is there for', () => {
    const sorry_server = server(200, 0);
    expect(publish({ sorry_server })).toEqual([
      '~ service tcp 203.0.113.100:80  without a server  rejected → sorry server 192.168.1.200:80',
    ]);
    const lines = explainStep({
      kind: 'publish_service',
      before: undefined,
      after: { ...web, no_server: 'drop' },
    });
    expect(lines.at(-1)).toBe('+   without a server  dropped');
  });

  test('so is what becomes of the connections of a server that goes down, and who has gone down', () => {
    expect(publish({ on_down: 'reset' })).toEqual([
      '~ service tcp 203.0.113.100:80  connections of a server that goes down  keep → reset',
    ]);
    const { address, port } = server(101, 1);
    const down = { ...web, on_down: 'reset' as const, servers: [server(102, 1)], gone: [{ address, port }] };
    const lines = (before: typeof web, after: typeof web) =>
      explainStep({ kind: 'publish_service', before, after });
    const up = { ...web, on_down: 'reset' as const };
    expect(lines(up, down)).toEqual([
      '~ service tcp 203.0.113.100:80',
      '-   server 192.168.1.101:80  weight 1',
      '-   connections of 192.168.1.101:80',
    ]);
    expect(lines(down, up)).toEqual([
      '~ service tcp 203.0.113.100:80',
      '+   server 192.168.1.101:80  weight 1',
      '~   connections of 192.168.1.101:80  end → stay',
    ]);
    const fresh = explainStep({ kind: 'publish_service', before: undefined, after: up });
    expect(fresh.at(-1)).toBe('+   connections of a server that goes down  reset');
  });

  test('flags are said with their scheduler', () => {
    expect(publish({ scheduler: 'sh', scheduler_flags: ['sh-fallback', 'sh-port'] })).toEqual([
      '~ service tcp 203.0.113.100:80  scheduler  wlc → sh (sh-fallback, sh-port)',
    ]);
  });

  test('a lone new or lost server keeps its sign on a line of its own', () => {
    expect(publish({ servers: [server(101, 1)] })[1]).toBe('-   server 192.168.1.102:80  weight 1');
    expect(publish({ servers: [...web.servers, server(103, 1)] })[1]).toBe(
      '+   server 192.168.1.103:80  weight 1',
    );
  });

  test('a new order and a publication without a difference are said too', () => {
    expect(publish({ servers: [server(102, 1), server(101, 1)] })).toEqual([
      '~ service tcp 203.0.113.100:80  order of its servers',
    ]);
    expect(publish({})).toEqual(['~ service tcp 203.0.113.100:80  published again']);
  });

  test("a new service names the time-outs that are not the kernel's", () => {
    const after = { ...web, timeouts: { ...DEFAULT_TIMEOUTS, fin_wait: 30_000 }, servers: [] };
    expect(explainStep({ kind: 'publish_service', before: undefined, after })).toEqual([
      '+ service tcp 203.0.113.100:80  wlc, 0 servers',
      '+   timeout fin_wait  30s',
    ]);
  });

  test('persistence is said where it is new, changed, or gone', () => {
    const persistence = { timeout: 300_000, granularity: 32 };
    const after = { ...web, servers: [], persistence };
    expect(explainStep({ kind: 'publish_service', before: undefined, after })).toEqual([
      '+ service tcp 203.0.113.100:80  wlc, 0 servers',
      '+   persistent 5m',
    ]);
    expect(publish({ persistence: { timeout: 90_000, granularity: 24 } })).toEqual([
      '~ service tcp 203.0.113.100:80  persistence  not persistent → persistent 1m30s by /24',
    ]);
    expect(explainStep({ kind: 'publish_service', before: { ...web, persistence }, after: web })).toEqual([
      '~ service tcp 203.0.113.100:80  persistence  persistent 5m → not persistent',
    ]);
  });

  test('a sysctl whose present value is not known', () => {
    expect(explainStep({ kind: 'set_sysctl', name: 'net.a.b', from: undefined, to: '1' })).toEqual([
      '~ sysctl net.a.b  unknown → 1',
    ]);
  });
});

describe('explainPlan', () => {
  test('counts steps, not lines', () => {
    const steps = Object.values(everyKind).map(([step]) => step);
    expect(explainPlan(steps).at(-1)).toBe('13 changes');
    expect(explainPlan(steps.slice(0, 1))).toEqual(['~ sysctl net.ipv4.ip_forward  0 → 1', '1 change']);
    expect(explainPlan([])).toEqual(['no changes']);
  });
});

describe('formatDuration', () => {
  test.each([
    [0, '0s'],
    [1_500, '1500ms'],
    [2_000, '2s'],
    [5_400_000, '1h30m'],
    [20 * 86_400_000, '20d'],
    [90_061_000, '1d1h1m1s'],
  ])('%i ms is %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  test('is exact: reading it back gives the same duration', () => {
    const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
    fc.assert(
      fc.property(fc.nat(2_000_000_000), (ms) => {
        const parts = [...formatDuration(ms).matchAll(/(\d+)(ms|[smhd])/g)];
        const read = parts.reduce(
          (sum, [, n, unit]) => sum + Number(n) * (units[unit ?? ''] ?? Number.NaN),
          0,
        );
        expect(read).toBe(ms);
      }),
    );
  });
});

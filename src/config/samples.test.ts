import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Config } from '../core/model/config.ts';
import { SCHEDULER_FLAGS, SCHEDULERS } from '../core/model/service.ts';
import { parseConfig } from './parse.ts';
import { formatProblems } from './problems.ts';

const folder = new URL('../../samples/', import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith('.yaml'));

function load(name: string): Config {
  const text = readFileSync(new URL(name, folder), 'utf8');
  const result = parseConfig(text, name);
  if (!result.ok) throw new Error(formatProblems(result.problems, text));
  return result.config;
}

it('the guide to schedulers has a row for each, every flag, and an example that is right', () => {
  const guide = readFileSync(new URL('../../docs/guide/schedulers.md', import.meta.url), 'utf8');
  const rows = [...guide.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  expect(rows).toEqual(SCHEDULERS);
  for (const flag of SCHEDULER_FLAGS) expect(guide).toContain(flag);
  const example = /^```yaml\n([^`]+)/m.exec(guide)![1]!;
  expect(parseConfig(`director: {public: eth0, private: eth1}\n${example}`, 'guide').ok).toBe(true);
});

describe('samples', () => {
  it.each(names)('%s is right, and names its schema', (name) => {
    expect(load(name).services.length).toBeGreaterThan(0);
    const [first, second] = readFileSync(new URL(name, folder), 'utf8').split('\n');
    expect(first).toBe('# yaml-language-server: $schema=../docs/reference/config.schema.json');
    expect(second).toMatch(/^#/);
  });

  it('are all there', () => {
    const features = [
      'check-types',
      'demo',
      'feedback',
      'fwmark',
      'health-checks',
      'host',
      'ipv6',
      'ipvs',
      'limits',
      'minimal',
      'notify',
      'one-packet',
      'panic',
      'persistence',
      'quorum',
      'schedulers',
      'ports-and-prefixes',
      'sip-and-sctp',
      'sorry-server',
      'sync-daemons',
      'tcp-options',
      'thresholds',
      'flap-damping',
      'slow-start',
      'stack',
      'timeouts',
      'tunnels',
      'two-services-sharing-servers',
      'udp',
    ];
    expect(names).toEqual(expect.arrayContaining(features.map((name) => `${name}.yaml`)));
  });

  it('say what they show', () => {
    expect(load('demo.yaml')).toMatchObject({
      interfaces: [
        { name: 'eth0', side: 'public' },
        { name: 'eth1', side: 'private' },
      ],
      vips: [{ address: '203.0.113.100', length: 24, interface: 'eth0', label: 'eth0:0' }],
      services: [{ scheduler: 'wrr', servers: [{ weight: 3 }, { weight: 2 }, { weight: 1 }] }],
      masquerade: [{ source: { address: '192.168.1.0', length: 24 }, interface: 'eth0' }],
    });
    expect(load('minimal.yaml').services[0]).toMatchObject({
      scheduler: 'wlc',
      servers: [{ port: 80, weight: 1 }, {}, {}],
    });
    expect(load('timeouts.yaml').services.map((s) => [s.timeouts.established, s.timeouts.fin_wait])).toEqual([
      [36_000_000, 30_000],
      [5_400_000, 30_000],
    ]);
    expect(
      load('persistence.yaml').services.map(({ port, persistence, servers }) => [
        port,
        persistence,
        servers[0]!.port,
      ]),
    ).toEqual([
      [0, { timeout: 1_800_000, granularity: 32 }, 0],
      [80, { timeout: 3_600_000, granularity: 24 }, 8080],
      [80, { timeout: 300_000, granularity: 64 }, 80],
    ]);
    expect(load('schedulers.yaml').services.map((s) => [s.scheduler, s.scheduler_flags])).toEqual([
      ['sed', undefined],
      ['mh', ['mh-fallback']],
      ['fo', undefined],
    ]);
    const checked = [...load('health-checks.yaml').checks.values()];
    expect(checked.map(({ start_as, on_failure, servers }) => [start_as, on_failure, servers.size])).toEqual([
      ['up', 'remove', 2],
      ['up', 'remove', 3],
      ['down', 'inhibit', 2],
    ]);
    expect(checked[1]!.servers.get('192.168.1.103:25')).toMatchObject([{ type: 'tcp', port: 2525 }]);
    expect([...load('quorum.yaml').checks.values()][0]!.quorum).toEqual({ quorum: 3, hysteresis: 1 });
    expect([...load('panic.yaml').checks.values()][0]!.panic_threshold).toBe(50);
    expect(load('notify.yaml').notify.map(({ events, timeout }) => [events.length, timeout])).toEqual([
      [2, 10_000],
      [4, 30_000],
    ]);
    expect(
      [...load('feedback.yaml').checks.values()].map(({ servers }) => [...servers.values()][0]),
    ).toMatchObject([
      [{ type: 'http' }, { type: 'agent', feedback: { floor: 10, ceiling: 100, smoothing: 10_000 } }],
      [{ type: 'tcp' }, { type: 'exec', feedback: { floor: 20, ceiling: 100, smoothing: 30_000 } }],
    ]);
    expect(load('on-down.yaml').services.map(({ on_down }) => on_down)).toEqual([
      'reset',
      'reset',
      undefined,
    ]);
    expect([...load('slow-start.yaml').slowStarts.values()]).toEqual([{ duration: 60_000, steps: 20 }]);
    expect(load('stack.yaml').forwarding).toBe('stack');
    expect(load('host.yaml').sysctls.get('net.netfilter.nf_conntrack_max')).toBe('1000000');
    expect(load('limits.yaml').limits.connections_ipv4).toBe(65_536);
  });
});

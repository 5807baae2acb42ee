/** The sweep's audit of the counters can find something. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseAddress } from '../../src/core/address/address.ts';
import { DEFAULT_TIMEOUTS } from '../../src/core/model/state.ts';
import { publishService } from '../../src/dataplane/bpf/publish.ts';
import { Sweeper } from '../../src/dataplane/bpf/sweep.ts';
import { openProbe, type Probe, SMALL } from './probe.ts';

let probe: Probe;
beforeAll(() => {
  probe = openProbe(SMALL);
  publishService(probe.publisher, {
    protocol: 'udp',
    address: parseAddress('203.0.113.100')!,
    port: 53,
    scheduler: 'rr',
    timeouts: DEFAULT_TIMEOUTS,
    servers: [{ address: parseAddress('192.168.1.101')!, port: 53, weight: 1 }],
  });
});
afterAll(() => probe.close());

/** The differences that one pass over both tables reports. */
function pass(sweeper: Sweeper): readonly string[] {
  for (;;) {
    const { completed, differences } = sweeper.slice();
    if (completed) return differences;
  }
}

it('reports a counter that is off, when two passes have seen it, and stops when it is right again', () => {
  const { servers } = probe.tables;
  const sweeper = new Sweeper(probe.tables, probe.publisher.registry.serverIds);
  expect(pass(sweeper)).toEqual([]);
  const sound = servers.get(0);
  servers.set(0, { ...sound, inactive: 3 });
  expect(pass(sweeper)).toEqual([]);
  expect(pass(sweeper)).toEqual([
    'server 0: counted 0 active, 3 inactive, 0 templates after 0 changes; a walk found 0 active, 0 inactive, 0 templates',
  ]);
  servers.set(0, sound);
  expect(pass(sweeper)).toEqual([]);
});

it('does not take what moves for wrong', () => {
  const { servers } = probe.tables;
  const sweeper = new Sweeper(probe.tables, probe.publisher.registry.serverIds);
  for (let moves = 1; moves < 4; moves++) {
    const before = servers.get(0);
    sweeper.slice();
    servers.set(0, { ...before, inactive: 1, moves });
    expect(sweeper.slice().differences).toEqual([]);
  }
});

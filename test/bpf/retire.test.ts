/** What daemons of other layouts rely on: the frozen argument, by numbers that no change may touch, and what it does. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../src/core/model/config.ts';
import { LAYOUTS } from '../../src/dataplane/bpf/contract.generated.ts';
import { CLSACT, FILTER, HANDLE } from '../../src/dataplane/bpf/filters.ts';
import { LINK } from '../../src/dataplane/bpf/links.ts';
import { runRetire } from '../../src/dataplane/bpf/retirement.ts';
import { RETIRE_PIN } from '../../src/dataplane/bpf/tables.ts';
import { openProbe, type Probe } from './probe.ts';

it('lies where it has always lain', () => {
  expect(LAYOUTS.weir_retire).toEqual({
    size: 32,
    fields: { cursor: 0, count: 8, no_new: 12, routes_changed: 16, no_new_since: 20, live: 24, expired: 28 },
  });
});

it('is pinned, and what holds programs on interfaces, by the names that it has always had', () => {
  expect([RETIRE_PIN, LINK, FILTER, CLSACT, HANDLE]).toEqual([
    'retire',
    'link_',
    'filter_',
    'clsact_',
    0x77656972,
  ]);
});

describe('the pinned program, called by those numbers alone', () => {
  let probe: Probe;
  let program: number;
  const call = (cursor: bigint, words: readonly number[]) => {
    const task = new Uint8Array(32);
    const view = new DataView(task.buffer);
    view.setBigUint64(0, cursor, true);
    words.forEach((word, i) => {
      view.setUint32(8 + 4 * i, word, true);
    });
    probe.bpf.runSyscall(program, task);
    return {
      cursor: view.getBigUint64(0, true),
      since: view.getUint32(20, true),
      live: view.getUint32(24, true),
      expired: view.getUint32(28, true),
    };
  };
  /** A walk over everything in stretches of `count`: how many stretches, and what they met. */
  const walk = (count: number) => {
    const met = { stretches: 0, live: 0, expired: 0 };
    for (let cursor = 0n; ; ) {
      const stretch = call(cursor, [count]);
      met.stretches += 1;
      met.live += stretch.live;
      met.expired += stretch.expired;
      cursor = stretch.cursor;
      if (cursor === 0n) return met;
      expect(met.stretches).toBeLessThan(1_000);
    }
  };

  beforeAll(() => {
    probe = openProbe({
      ...DEFAULT_LIMITS,
      connections_ipv4: 300,
      connections_ipv6: 100,
      half_open: 16,
      services: 4,
      servers: 16,
    });
    program = probe.bpf.getPinned(join(probe.tables.directory, 'retire'))!;
  });
  afterAll(() => {
    probe.bpf.closeFd(program);
    probe.close();
  });

  it('walks over both tables, in stretches of any size', () => {
    for (const count of [1, 7, 100, 300, 65_536, 1_048_576, 4_000_000_000])
      expect(walk(count), `stretches of ${count}`).toMatchObject({ live: 0, expired: 0 });
    expect(walk(65_536).stretches).toBe(2);
  });

  it('takes no new connections from the first order on, and says since when', () => {
    expect(call(0n, [1]).since).toBe(0);
    const before = Number(process.hrtime.bigint() / 1_000_000_000n);
    const { since } = call(0n, [1, 1]);
    expect(since).toBeGreaterThanOrEqual(before);
    expect(since).toBeLessThanOrEqual(before + 60);
    probe.tables.settings.set(0, { ...probe.tables.settings.get(0), no_new_since: 5 });
    expect(call(0n, [1, 1]).since).toBe(5);
    expect(probe.tables.settings.get(0).no_new_since).toBe(5);
  });

  it('has next hops looked up again, and only when told to', () => {
    const epoch = () => probe.tables.settings.get(0).route_epoch;
    const before = epoch();
    runRetire(probe.bpf, program, {});
    expect(epoch()).toBe(before);
    for (let i = 1; i <= 300; i++) runRetire(probe.bpf, program, { routes_changed: 1 });
    expect(epoch()).toBe((before + 300) % 256);
  });
});

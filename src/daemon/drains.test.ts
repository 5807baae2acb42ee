import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { parseEndpoint } from '../core/address/address.ts';
import type { ServiceCounters } from '../core/model/counters.ts';
import { NO_OVERRIDES, type Override, overridesOf } from '../core/model/override.ts';
import type { ServiceKey } from '../core/model/service.ts';
import type { Log } from '../observe/log.ts';
import { leftOn, watchDrains } from './drains.ts';

const service = 'tcp 203.0.113.100:80' as ServiceKey;
const drained: Override = { service, server: '192.168.1.1:80', state: 'drain', since: 'first' };
const with_ = (active: number, templates = 0) =>
  [
    { key: service, servers: [{ ...parseEndpoint('192.168.1.1:80')!, active, inactive: 1, templates }] },
  ] as unknown as readonly ServiceCounters[];

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('counts what is left, nothing where the server is gone', () => {
  expect(leftOn(with_(2, 3), drained)).toEqual({ connections: 3, remembered: 3 });
  expect(leftOn(with_(2), { ...drained, server: '192.168.1.2:80' })).toEqual({
    connections: 0,
    remembered: 0,
  });
  expect(leftOn([], drained)).toEqual({ connections: 0, remembered: 0 });
});

it('tells once when a drained server is empty, and again when it is drained anew', () => {
  let overrides = NO_OVERRIDES;
  let counters = with_(2);
  let reads = 0;
  const told: object[] = [];
  const log = { info: (_: string, fields: object) => told.push(fields) } as unknown as Log;
  const drains = watchDrains({
    overrides: () => overrides,
    counters: () => {
      reads += 1;
      return counters;
    },
    log,
    over: () => {},
  });
  vi.advanceTimersByTime(5_000);
  expect(reads).toBe(0);
  overrides = overridesOf([drained]);
  vi.advanceTimersByTime(5_000);
  expect([reads, told]).toEqual([5, []]);
  counters = [];
  vi.advanceTimersByTime(5_000);
  expect(told).toEqual([{ service, server: drained.server, since: 'first', remembered: 0 }]);
  expect(reads).toBe(6);
  overrides = overridesOf([{ ...drained, since: 'second' }]);
  vi.advanceTimersByTime(5_000);
  expect(told).toHaveLength(2);
  drains.close();
});

it('calls at the deadline, until it is no longer there', () => {
  vi.setSystemTime(0);
  let overrides = overridesOf([{ ...drained, deadline: new Date(2_500).toISOString() }]);
  const at: number[] = [];
  const drains = watchDrains({
    overrides: () => overrides,
    counters: () => with_(1),
    log: {} as Log,
    over: () => at.push(Date.now()),
  });
  vi.advanceTimersByTime(4_000);
  overrides = overridesOf([{ ...drained, state: 'down' }]);
  vi.advanceTimersByTime(4_000);
  expect(at).toEqual([3_000, 4_000]);
  drains.close();
});

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { parseEndpoint } from '../core/address/address.ts';
import type { Config } from '../core/model/config.ts';
import { type ServiceKey, serviceKey, type VirtualService } from '../core/model/service.ts';
import { DEFAULT_TIMEOUTS } from '../core/model/state.ts';
import { SlowStarts } from './slow-starts.ts';

const service = (port: number, hosts: readonly number[]): VirtualService => ({
  ...parseEndpoint(`203.0.113.100:${port}`)!,
  protocol: 'tcp',
  scheduler: 'wlc',
  timeouts: DEFAULT_TIMEOUTS,
  servers: hosts.map((host) => ({ ...parseEndpoint(`192.168.1.${host}:80`)!, weight: 100 })),
});
const config = (...services: VirtualService[]) =>
  ({
    services,
    slowStarts: new Map([[serviceKey(service(80, [])), { duration: 10_000, steps: 20 }]]),
  }) as unknown as Config;
const key = serviceKey(service(80, []));

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('begins servers that a reload adds to a service with slow start, and no others', () => {
  const starts = new SlowStarts(() => {});
  const first = config(service(80, [1]), service(443, [1]));
  starts.adopt(undefined, first);
  expect(starts.factors().size).toBe(0);
  const second = config(service(80, [1, 2]), service(443, [1, 2]), service(25, [1]));
  starts.adopt(first, second);
  expect([...starts.factors()].map(([of, servers]) => [of, ...servers.keys()])).toEqual([
    [key, '192.168.1.2:80'],
  ]);
  starts.begin('tcp 203.0.113.100:443' as ServiceKey, '192.168.1.1:80');
  expect(starts.factors().size).toBe(1);
  starts.close();
});

it('has weights looked at until the last one is whole, whoever else looks at them meanwhile', () => {
  const seen: (number | undefined)[] = [];
  const starts = new SlowStarts(() => seen.push(starts.factors().get(key)?.get('a')?.value));
  starts.adopt(undefined, config(service(80, [1])));
  starts.begin(key, 'a');
  vi.advanceTimersByTime(9_999);
  expect(seen).toHaveLength(9);
  vi.setSystemTime(Date.now() + 1);
  expect(starts.factors().size).toBe(0);
  vi.advanceTimersByTime(60_000);
  // Rising, then whole, and after that nobody is troubled any more.
  expect(seen.slice(0, 9)).toEqual([...seen.slice(0, 9)].sort());
  expect(seen.slice(9)).toEqual([undefined]);
  starts.close();
});

import { expect, it } from 'vitest';
import { parseAddress, parseEndpoint } from '../address/address.ts';
import { type Check, checkKey } from '../model/check.ts';
import type { ServerCounters, ServiceCounters } from '../model/counters.ts';
import { serviceKey, type VirtualService } from '../model/service.ts';
import { DEFAULT_TIMEOUTS } from '../model/state.ts';
import { NO_HOLDS } from './flap.ts';
import { watchOf } from './servers.ts';
import { serverStatuses } from './status.ts';

const traffic = { conns: 7, inpkts: 0, outpkts: 0, inbytes: 0, outbytes: 0 };
const counted = (text: string, weight: number, leaving = false): ServerCounters => ({
  ...parseEndpoint(text)!,
  weight,
  leaving,
  active: 2,
  inactive: 0,
  templates: 0,
  ...traffic,
});

it('shows every configured server in its place, whatever of it is in the data plane', () => {
  const service: VirtualService = {
    protocol: 'tcp',
    address: parseAddress('203.0.113.100')!,
    port: 80,
    scheduler: 'rr',
    timeouts: DEFAULT_TIMEOUTS,
    servers: [1, 2, 3].map((host) => ({ ...parseEndpoint(`192.168.1.${host}:80`)!, weight: host })),
  };
  const key = serviceKey(service);
  const checks = [1, 2, 3].map(
    (host): Check => ({
      type: 'tcp',
      ...parseEndpoint(`192.168.1.${host}:80`)!,
      interval: 5_000,
      timeout: 1_000,
      rise: 2,
      fall: 3,
    }),
  );
  const servers = new Map(checks.map((check) => [`${check.address}:80`, [check]]));
  const watch = watchOf(new Map([[key, { start_as: 'up', on_failure: 'remove', servers }]]), () => undefined);
  const failed = { outcome: 'failed', reason: 'refused', tookMs: 1 } as const;
  const down = {
    verdict: 'down',
    against: 1,
    since: 1_000,
    decided: failed,
    last: { ...failed, at: 2_000 },
  } as const;
  const states = new Map([
    [checkKey(checks[0]!), down],
    [checkKey(checks[2]!), down],
  ]);
  // The first server is gone from the plane, the third one finishes its connections, another one is not configured any more.
  const plane: ServiceCounters = {
    key,
    scheduler: 'rr',
    leaving: false,
    ...traffic,
    servers: [
      counted('192.168.1.2:80', 2),
      counted('192.168.1.3:80', 3, true),
      counted('192.168.1.9:80', 1, true),
    ],
  };
  const other: ServiceCounters = { ...plane, key: serviceKey({ ...service, port: 81 }), leaving: true };
  const found = serverStatuses([other, plane], [service], {
    watch,
    states,
    quorums: new Map(),
    panics: new Map(),
    overrides: new Map(),
    holds: NO_HOLDS,
    starting: new Map(),
  });
  expect(
    found.map(({ address, port, service: of, weight, configured_weight, leaving, active, health, factors }) =>
      [
        of.slice(-2),
        `${address}:${port}`,
        weight,
        configured_weight,
        leaving,
        active,
        health?.verdict,
        factors[0]?.value,
      ].join(' '),
    ),
  ).toEqual([
    '80 192.168.1.1:80 0 1 false 0 down 0',
    '80 192.168.1.2:80 2 2 false 2 up 1',
    '80 192.168.1.3:80 0 3 false 2 down 0',
    '80 192.168.1.9:80 1  true 2  ',
    '81 192.168.1.2:80 2  false 2  ',
    '81 192.168.1.3:80 3  true 2  ',
    '81 192.168.1.9:80 1  true 2  ',
  ]);
  expect(found[0]!.health).toEqual({
    verdict: 'down',
    checked: true,
    reason: 'refused',
    since: '1970-01-01T00:00:01.000Z',
    checks: [
      {
        check: 'tcp 192.168.1.1:80',
        verdict: 'down',
        against: 1,
        needed: 2,
        last: { outcome: 'failed', reason: 'refused', at: '1970-01-01T00:00:02.000Z', took_ms: 1 },
        warning: null,
        feedback: null,
      },
    ],
  });
  expect(found[1]!.health).toMatchObject({
    checked: false,
    since: null,
    checks: [{ verdict: 'unknown', last: null }],
  });
});

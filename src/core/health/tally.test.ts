import { expect, test } from 'vitest';
import type { ServiceCounters } from '../model/counters.ts';
import type { ServiceKey } from '../model/service.ts';
import type { ServerStatus } from './status.ts';
import { tallyOf } from './tally.ts';

const KEY = 'tcp 203.0.113.100:80' as ServiceKey;
const service = (change: Partial<ServiceCounters>): ServiceCounters =>
  ({ key: KEY, leaving: false, servers: [], ...change }) as unknown as ServiceCounters;
const server = (weight: number, change: Partial<ServerStatus> = {}): ServerStatus =>
  ({ service: KEY, weight, leaving: false, factors: [], health: null, ...change }) as unknown as ServerStatus;
const down = { health: { verdict: 'down' } } as unknown as ServerStatus;
const drained = { factors: [{ name: 'admin', value: 0, reason: 'drained' }] } as const;

test('each server is counted once: by the operator before its health, by its weight before both', () => {
  const { servers } = tallyOf(
    [service({})],
    [server(1), server(3), server(1, down), server(0, down), server(0, { ...down, ...drained }), server(0)],
  );
  expect(servers).toEqual({ all: 6, serving: 3, held: 1, down: 1, weightless: 1 });
});

test('what is leaving and the sorry server are none, but their connections count', () => {
  const load = [
    { active: 2, inactive: 1 },
    { active: 3, inactive: 0 },
  ] as unknown as ServiceCounters['servers'];
  const gone = 'tcp 203.0.113.100:81' as ServiceKey;
  expect(
    tallyOf(
      [service({ servers: load }), service({ key: gone, leaving: true, servers: load })],
      [server(0, { leaving: true }), server(0, { sorry: true })],
    ),
  ).toEqual({
    services: 1,
    without_server: [KEY],
    servers: { all: 0, serving: 0, held: 0, down: 0, weightless: 0 },
    connections: { active: 10, inactive: 2 },
  });
});

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseEndpoint } from '../core/address/address.ts';
import { MAX_TRANSITIONS, TURNS } from '../core/health/history.ts';
import { serviceKey, type VirtualService } from '../core/model/service.ts';
import { DEFAULT_TIMEOUTS } from '../core/model/state.ts';
import { histories } from './history.ts';

const service = (port: number, ...hosts: number[]): VirtualService => ({
  ...parseEndpoint(`203.0.113.100:${port}`)!,
  protocol: 'tcp',
  scheduler: 'wlc',
  timeouts: DEFAULT_TIMEOUTS,
  servers: hosts.map((host) => ({ ...parseEndpoint(`192.168.1.${host}:80`)!, weight: 1 })),
});
const ports = [80, 443];
const hosts = [1, 2];

it('keeps the last transitions of each server, in order, whatever comes between', () => {
  const turn = fc.record({
    port: fc.constantFrom(...ports),
    host: fc.constantFrom(...hosts),
    to: fc.constantFrom(...TURNS),
  });
  fc.assert(
    fc.property(fc.array(turn, { maxLength: 90 }), (turns) => {
      const all = histories();
      turns.forEach(({ port, host, to }, i) => {
        const at = new Date(i).toISOString();
        all.record(serviceKey(service(port)), `192.168.1.${host}:80`, { at, to, reason: `${i}` });
      });
      all.keep(ports.map((port) => service(port, ...hosts)));
      const list = all.list();
      for (const port of ports)
        for (const host of hosts) {
          const wanted = turns.flatMap((one, i) => (one.port === port && one.host === host ? [`${i}`] : []));
          const found = list.find(
            (one) => one.service === serviceKey(service(port)) && one.server === `192.168.1.${host}:80`,
          );
          expect((found?.transitions ?? []).map(({ reason }) => reason)).toEqual(
            wanted.slice(-MAX_TRANSITIONS),
          );
        }
    }),
  );
});

it('lets the oldest go', () => {
  const all = histories();
  const numbers = Array.from({ length: MAX_TRANSITIONS + 5 }, (_, i) => `${i}`);
  for (const reason of numbers) all.record(serviceKey(service(80)), 'a', { at: '', to: 'up', reason });
  expect(all.list()[0]!.transitions.map(({ reason }) => reason)).toEqual(numbers.slice(5));
});

it('forgets who is no longer configured, and nobody else', () => {
  const all = histories();
  const told = { at: '', to: 'up', reason: '' } as const;
  for (const port of ports)
    for (const host of hosts) all.record(serviceKey(service(port)), `192.168.1.${host}:80`, told);
  all.keep([service(80, 2, 3)]);
  expect(all.list()).toEqual([
    { service: serviceKey(service(80)), server: '192.168.1.2:80', transitions: [told] },
  ]);
});

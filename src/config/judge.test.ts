import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judging } from './judge.ts';
import { withEdits } from './overlay.ts';
import type { Edit } from './rule-edits.ts';

const services = Array.from({ length: 4 }, (_, i) => ({
  protocol: 'tcp',
  address: '203.0.113.100',
  port: 80 + i,
  ...(i === 1 && { checks: [{ type: 'tcp' }], quorum: 1 }),
  ...(i === 2 && { slow_start: '10s', timeouts: { established: '5m' } }),
  servers: [{ address: '192.168.1.101' }, { address: '192.168.1.102', weight: 2 }],
}));
const file = { director: { public: 'eth0', private: 'eth1' }, services };

/** Right and wrong ones, about one service, several, and the rest of the file. */
const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.record({
    kind: fc.constant('set' as const),
    path: fc.tuple(
      fc.constant('services'),
      fc.nat(2),
      fc.constant('servers'),
      fc.nat(1),
      fc.constant('weight'),
    ),
    value: fc.constantFrom<unknown>(1, 5, -1, 'many'),
  }),
  fc.record({
    kind: fc.constant('set' as const),
    path: fc.tuple(fc.constant('services'), fc.nat(2), fc.constantFrom('port', 'method', 'address')),
    value: fc.constantFrom<unknown>(80, 81, 9000, 'direct', '203.0.113.101', '192.168.1.101'),
  }),
  fc.record({
    kind: fc.constant('append' as const),
    path: fc.constant(['services']),
    value: fc.constantFrom<unknown>(
      { ...services[0]!, port: 443 },
      { ...services[0]!, address: '192.168.1.102' },
      7,
    ),
  }),
  fc.record({
    kind: fc.constant('append' as const),
    path: fc.tuple(fc.constant('services'), fc.nat(2), fc.constant('servers')),
    value: fc.constantFrom<unknown>(
      { address: '192.168.1.103' },
      { address: '203.0.113.100' },
      { weight: 1 },
    ),
  }),
  fc.record({ kind: fc.constant('remove' as const), path: fc.tuple(fc.constant('services'), fc.nat(2)) }),
  fc.record({
    kind: fc.constant('set' as const),
    path: fc.constantFrom(['timeouts'], ['dataplane'], ['limits']),
    value: fc.constantFrom<unknown>({ udp: '1m' }, 'ipvs', 'none', { services: 3 }),
  }),
);

describe('judging', () => {
  it('finds the same as one who has seen nothing before', () => {
    fc.assert(
      fc.property(fc.array(fc.array(edit, { maxLength: 2 }), { minLength: 1, maxLength: 4 }), (rounds) => {
        const judge = judging();
        judge(file, 'bpf');
        for (const edits of rounds)
          for (const plane of ['bpf', 'ipvs'] as const) {
            const value = withEdits(file, edits);
            expect(judge(value, plane)).toEqual(judging()(value, plane));
          }
      }),
      { numRuns: 60 },
    );
  });

  it('builds nothing of a service that could not be read from the text', () => {
    const unread = { ...file, services: [{ ...services[0], servers: undefined }] };
    expect(judging()(unread, 'bpf')).toEqual({ ok: false, findings: [] });
  });

  it('leaves a service that is as it was the object that it was', () => {
    const configOf = (judged: ReturnType<ReturnType<typeof judging>>) => {
      if (!judged.ok) throw new Error(JSON.stringify(judged.findings));
      return judged.config;
    };
    const before = configOf(judging()(file, 'bpf'));
    const judge = judging(before.services);
    const set = (value: number): Edit => ({
      kind: 'set',
      path: ['services', 3, 'servers', 0, 'weight'],
      value,
    });
    const heavy = configOf(judge(withEdits(file, [set(5)]), 'bpf'));
    expect(heavy.services.map((one, i) => one === before.services[i])).toEqual([true, true, true, false]);
    const heavier = configOf(judge(withEdits(file, [set(6)]), 'bpf'));
    const [key] = heavy.checks.keys();
    expect(heavier.checks.get(key!)).toBe(heavy.checks.get(key!));
    expect(configOf(judge(file, 'bpf')).services).toEqual(before.services);
  });
});

/** The C schedulers against their reference in src/core/schedule: the same vectors through both, random ones too. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAddress } from '../../src/core/address/address.ts';
import { MAX_SERVERS, SCHEDULERS, type Scheduler, serviceKey } from '../../src/core/model/service.ts';
import { DEFAULT_TIMEOUTS } from '../../src/core/model/state.ts';
import type { Candidate } from '../../src/core/schedule/candidate.ts';
import { SCHEDULES } from '../../src/core/schedule/schedule.ts';
import { publishService } from '../../src/dataplane/bpf/publish.ts';
import { openProbe, type Probe, pick, SMALL } from './probe.ts';

const vip = parseAddress('203.0.113.100')!;
const address = (i: number) => parseAddress(`10.1.${i >> 8}.${i & 255}`)!;

let probe: Probe;
beforeAll(() => {
  probe = openProbe(SMALL);
});
afterAll(() => probe.close());

/** Publishes a service with these candidates, and returns what the kernel chooses from `turn` on. */
function chosen(
  scheduler: Scheduler,
  candidates: readonly Candidate[],
  turn: number,
  picks: number,
): (number | undefined)[] {
  const service = {
    protocol: 'tcp' as const,
    address: vip,
    port: 80,
    scheduler,
    timeouts: DEFAULT_TIMEOUTS,
    servers: candidates.map(({ weight }, i) => ({ address: address(i), port: 80, weight })),
  };
  publishService(probe.publisher, service);
  const entry = probe.publisher.registry.services.get(serviceKey(service))!;
  candidates.forEach(({ active, inactive }, i) => {
    const { id } = entry.servers.get(`${address(i)}:80`)!;
    probe.tables.servers.set(id, { ...probe.tables.servers.get(id), active, inactive });
  });
  probe.tables.positions.set(entry.id, BigInt(turn));
  const order = probe.tables.members;
  return Array.from({ length: picks }, () => {
    const member = pick(probe, entry.slot);
    return member === undefined ? undefined : order.get(entry.members.start + member).order;
  });
}

function expected(scheduler: Scheduler, candidates: readonly Candidate[], turn: number, picks: number) {
  return Array.from({ length: picks }, (_, i) => SCHEDULES[scheduler](candidates, turn + i));
}

const candidate = (weight: fc.Arbitrary<number>) =>
  fc.record({ weight, active: fc.nat(100_000), inactive: fc.nat(1_000_000) });
const few = fc.array(candidate(fc.integer({ min: 0, max: 9 })), { maxLength: 12 });
const heavy = fc.array(candidate(fc.integer({ min: 0, max: 65535 })), { minLength: 1, maxLength: 6 });

describe.each(SCHEDULERS)('%s in the kernel', (scheduler) => {
  it('chooses as the reference does', () => {
    fc.assert(
      fc.property(fc.oneof(few, heavy), fc.nat(2 ** 31), (candidates, turn) => {
        expect(chosen(scheduler, candidates, turn, 6)).toEqual(expected(scheduler, candidates, turn, 6));
      }),
      { numRuns: 60 },
    );
  });

  it(`chooses among ${MAX_SERVERS} servers`, () => {
    const candidates = Array.from({ length: MAX_SERVERS }, (_, i) => ({
      weight: 1 + (i % 7),
      active: i === 1000 ? 1 : 5 + (i % 11),
      inactive: i,
    }));
    expect(chosen(scheduler, candidates, 1020, 8)).toEqual(expected(scheduler, candidates, 1020, 8));
  });
});

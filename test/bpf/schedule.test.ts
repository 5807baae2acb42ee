/** The C schedulers against their reference in src/core/schedule: the same vectors through both, random ones too. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Address,
  addressBytes,
  addressFromBytes,
  parseAddress,
} from '../../src/core/address/address.ts';
import {
  flagsOf,
  MAX_SERVERS,
  SCHEDULERS,
  type Scheduler,
  type SchedulerFlag,
  serviceKey,
} from '../../src/core/model/service.ts';
import { DEFAULT_TIMEOUTS } from '../../src/core/model/state.ts';
import { type ScheduleState, startState } from '../../src/core/schedule/candidate.ts';
import { choose } from '../../src/core/schedule/schedule.ts';
import { publishService, unpublishService } from '../../src/dataplane/bpf/publish.ts';
import type { ServiceEntry } from '../../src/dataplane/bpf/registry.ts';
import { type Asker, openProbe, type Probe, pick, SMALL } from './probe.ts';

const VIPS = { 4: parseAddress('203.0.113.100')!, 6: parseAddress('2001:db8:113::100')! } as const;
/** In both families, and with few bits in common. */
const addressOf = (family: 4 | 6, i: number): Address =>
  addressFromBytes(
    family === 4
      ? Uint8Array.of(10, 1, i >> 8, i & 255)
      : Uint8Array.of(0xfd, 0, 1, 0x92, 1, 0x68, 0, 0, 0, 0, 0, 1, 0xab, 0xcd, i >> 8, i & 255),
  );

/** Nanoseconds in a day, in which the kernel's localities count. */
const DAY = 86_400_000_000_000n;

/** What a scheduler goes by. */
interface Load {
  readonly weight: number;
  readonly active: number;
  readonly inactive: number;
  readonly overloaded?: boolean;
}

/** Reached by whom the vector says, whatever its connections. */
const UPPER = 2_000_000_000;

interface Vector {
  readonly scheduler: Scheduler;
  readonly flags: readonly SchedulerFlag[];
  readonly family: 4 | 6;
  readonly loads: readonly Load[];
  readonly turn: number;
}

let probe: Probe;
beforeAll(() => {
  probe = openProbe(SMALL);
});
afterAll(() => probe.close());

/** One service in the kernel and its twin beside it, both of which remember nothing at first. */
function openBoth(vector: Vector) {
  const { scheduler, flags, family, loads, turn } = vector;
  const limited = loads.some(({ overloaded }) => overloaded !== undefined);
  const service = (weights: readonly number[]) => ({
    protocol: 'tcp' as const,
    address: VIPS[family],
    port: 80,
    scheduler,
    ...(flags.length === 0 ? {} : { scheduler_flags: flags }),
    timeouts: DEFAULT_TIMEOUTS,
    servers: weights.map((weight, i) => ({
      address: addressOf(family, i),
      port: 80,
      weight,
      ...(limited && { upper_threshold: UPPER }),
    })),
  });
  const key = serviceKey(service([]));
  const before = probe.publisher.registry.services.get(key);
  if (before !== undefined) unpublishService(probe.publisher, before);
  publishService(probe.publisher, service(loads.map(({ weight }) => weight)));
  const entry = probe.publisher.registry.services.get(key)!;
  probe.tables.positions.set(entry.id, BigInt(turn));
  const state: ScheduleState = { ...startState(), turns: turn };
  let servers = loads.map(({ weight }, i) => ({
    index: i,
    address: addressBytes(addressOf(family, i)),
    port: 80,
    weight,
    lastWeight: weight,
    active: 0,
    inactive: 0,
  }));
  const load = (now: readonly Load[]): void => {
    servers = servers.map((server, i) => ({ ...server, ...now[i]!, weight: server.weight }));
    now.forEach(({ active, inactive, overloaded: out = false }, i) => {
      const { id } = entry.servers.get(endpointText(family, i))!;
      probe.tables.servers.set(id, {
        ...probe.tables.servers.get(id),
        active,
        inactive,
        overloaded: out ? UPPER : 0,
      });
    });
  };
  load(loads);
  let now = 0;
  return {
    entry,
    load,
    /** Changes weights in a publication of the same service. */
    reweigh: (weights: readonly number[]): void => {
      publishService(probe.publisher, service(weights));
      servers = servers.map((server, i) => ({
        ...server,
        weight: weights[i]!,
        lastWeight: weights[i]! || server.lastWeight,
      }));
    },
    /** Lets days go by: the kernel's memory of destinations is dated back, and the twin's clock set. */
    wait: (days: number): void => {
      now += days;
      const place = { service: entry.id, address: entry.place.address };
      const locality = probe.tables.localities.get(place);
      const back = BigInt(Math.round(days * 1000)) * (DAY / 1000n);
      if (locality !== undefined)
        probe.tables.localities.set(place, {
          ...locality,
          used: BigInt.asUintN(64, locality.used - back),
          modified: BigInt.asUintN(64, locality.modified - back),
        });
    },
    choose: (asker: Omit<Asker, 'destination'>) => {
      const request = {
        client: addressBytes(asker.client),
        clientPort: asker.port,
        destination: addressBytes(VIPS[family]),
        now,
        day: 1,
      };
      return {
        kernel: kernelChoice(entry, { ...asker, destination: VIPS[family] }),
        reference: choose({ scheduler, flags, servers, state }, request)?.index,
      };
    },
  };
}

const endpointText = (family: 4 | 6, i: number): string =>
  family === 4 ? `${addressOf(4, i)}:80` : `[${addressOf(6, i)}]:80`;

function kernelChoice(entry: ServiceEntry, asker: Asker): number | undefined {
  const member = pick(probe, entry.slot, asker);
  return member === undefined ? undefined : probe.tables.members.get(entry.members.start + member).order;
}

const load = (weight: fc.Arbitrary<number>) =>
  fc.record({
    weight,
    active: fc.oneof(fc.nat(12), fc.nat(100_000)),
    inactive: fc.oneof(fc.nat(12), fc.nat(1_000_000)),
  });
const few = fc.array(load(fc.integer({ min: 0, max: 9 })), { maxLength: 12 });
const heavy = fc.array(load(fc.integer({ min: 0, max: 65535 })), { minLength: 1, maxLength: 6 });
/** Some of the servers overloaded, or none, or all. */
const loads: fc.Arbitrary<readonly Load[]> = fc.oneof(few, heavy).chain((all) =>
  fc.oneof(
    fc.constant<readonly Load[]>(all),
    fc
      .subarray([...all.keys()])
      .map((out) => all.map((one, i): Load => ({ ...one, overloaded: out.includes(i) }))),
  ),
);

const clientOf = (family: 4 | 6) =>
  fc.record({
    client: fc
      .uint8Array({ minLength: family === 4 ? 4 : 16, maxLength: family === 4 ? 4 : 16 })
      .map(addressFromBytes),
    port: fc.integer({ min: 0, max: 65535 }),
  });

const vectorOf = (scheduler: Scheduler) =>
  fc.constantFrom<4 | 6>(4, 6).chain((family) =>
    fc.record({
      scheduler: fc.constant(scheduler),
      flags: fc.subarray([...flagsOf(scheduler)]),
      family: fc.constant(family),
      loads,
      turn: fc.nat(2 ** 31),
      clients: fc.array(clientOf(family), { minLength: 6, maxLength: 6 }),
      drained: fc.subarray([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
    }),
  );

describe.each(SCHEDULERS)('%s in the kernel', (scheduler) => {
  it('chooses as the reference does, before and after some servers are drained', () => {
    fc.assert(
      fc.property(vectorOf(scheduler), ({ clients, drained, ...vector }) => {
        const both = openBoth(vector);
        const compare = () => {
          for (const client of clients) {
            const { kernel, reference } = both.choose(client);
            expect(kernel).toBe(reference);
          }
        };
        compare();
        both.reweigh(vector.loads.map(({ weight }, i) => (drained.includes(i) ? 0 : weight)));
        compare();
      }),
      { numRuns: 60 },
    );
  });

  it(`chooses among ${MAX_SERVERS} servers`, () => {
    const all = Array.from({ length: MAX_SERVERS }, (_, i) => ({
      weight: 1 + (i % 7),
      active: i === 1000 ? 1 : 5 + (i % 11),
      inactive: i,
    }));
    const both = openBoth({ scheduler, flags: [], family: 4, loads: all, turn: 1020 });
    for (let i = 0; i < 8; i++) {
      const { kernel, reference } = both.choose({ client: addressOf(4, 30_000 + 977 * i), port: 1024 + i });
      expect(kernel).toBe(reference);
    }
  });
});

describe.each(['lblc', 'lblcr'] as const)('%s in the kernel', (scheduler) => {
  const asker = { client: parseAddress('203.0.113.10')!, port: 4000 };
  const light = fc.array(
    fc.record({ weight: fc.integer({ min: 0, max: 6 }), active: fc.nat(9), inactive: fc.nat(3) }),
    { minLength: 4, maxLength: 4 },
  );
  const story = fc.array(
    fc.oneof(
      { weight: 3, arbitrary: light.map((now) => ({ load: now })) },
      { weight: 1, arbitrary: light.map((now) => ({ reweigh: now.map(({ weight }) => weight) })) },
      { weight: 1, arbitrary: fc.constantFrom({ wait: 0.4 }, { wait: 0.7 }, { wait: 1.2 }) },
    ),
    { maxLength: 30 },
  );

  it('remembers as the reference does, while loads and weights change and days go by', () => {
    fc.assert(
      fc.property(light, story, (first, events) => {
        const both = openBoth({ scheduler, flags: [], family: 4, loads: first, turn: 0 });
        for (const event of [{ wait: 0 }, ...events]) {
          if ('load' in event) both.load(event.load);
          if ('reweigh' in event) both.reweigh(event.reweigh);
          if ('wait' in event) both.wait(event.wait);
          const { kernel, reference } = both.choose(asker);
          expect(kernel).toBe(reference);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('prefers of equals in a set the one that came later, if it keeps a set', () => {
    const active = (...counts: readonly number[]) =>
      counts.map((count) => ({ weight: 4, active: count, inactive: 0 }));
    const both = openBoth({ scheduler, flags: [], family: 6, loads: active(0, 0, 0), turn: 0 });
    const seen = [active(0, 0, 0), active(5, 0, 0), active(2, 2, 0)].map((now) => {
      both.load(now);
      return both.choose(asker);
    });
    expect(seen).toEqual([0, 1, 1].map((index) => ({ kernel: index, reference: index })));
    both.load(active(5, 5, 1));
    expect(both.choose(asker)).toEqual({ kernel: 2, reference: 2 });
    both.load(active(2, 2, 2));
    expect(both.choose(asker)).toEqual({ kernel: 2, reference: 2 });
  });
});

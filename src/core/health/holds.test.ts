import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEndpoint } from '../address/address.ts';
import { type Check, checkKey, type FlapRule } from '../model/check.ts';
import { overridesOf } from '../model/override.ts';
import { serviceKey, type VirtualService } from '../model/service.ts';
import { DEFAULT_TIMEOUTS } from '../model/state.ts';
import { type Known, weighBy } from '../weight/weigh.ts';
import { type FlapState, NO_HOLDS } from './flap.ts';
import { holdsOf } from './holds.ts';
import { NO_PANICS, panicsOf } from './panic.ts';
import { quorumsOf } from './quorum.ts';
import { watchOf } from './servers.ts';

const HOSTS = [1, 2, 3, 4] as const;
type Host = (typeof HOSTS)[number];
const NOW = 100_000;
const RULE: FlapRule = { downs: 3, within: 60_000, calm: 30_000 };
const HELD: FlapState = { downs: [80_000, 85_000, 90_000], held: true, upSince: 95_000 };
const name = (host: number) => `192.168.1.${host}:80`;
const check = (host: number): Check => ({
  type: 'tcp',
  ...parseEndpoint(name(host))!,
  interval: 5_000,
  timeout: 1_000,
  rise: 2,
  fall: 3,
});
const plain: VirtualService = {
  ...parseEndpoint('203.0.113.100:80')!,
  protocol: 'tcp',
  scheduler: 'wlc',
  timeouts: DEFAULT_TIMEOUTS,
  servers: HOSTS.map((host) => ({ ...parseEndpoint(name(host))!, weight: 10 * host })),
};
const key = serviceKey(plain);

interface Case {
  readonly down?: readonly Host[];
  readonly held: readonly Host[];
  readonly drained?: readonly Host[];
  readonly quorum?: number | undefined;
  readonly hysteresis?: number;
  readonly panic_threshold?: number | undefined;
  readonly sorry?: boolean;
}

/** A service of four, of weights 10 to 40, with and without damping. */
function at({ down = [], held, drained = [], quorum, hysteresis = 0, panic_threshold, sorry = false }: Case) {
  const service = sorry ? { ...plain, sorry_server: parseEndpoint(name(9))! } : plain;
  const servers = new Map(HOSTS.map((host) => [name(host), [check(host)]]));
  const rules = {
    ...(quorum !== undefined && { quorum: { quorum, hysteresis } }),
    ...(panic_threshold !== undefined && { panic_threshold }),
    flap_damping: RULE,
  };
  const checks = new Map([[key, { start_as: 'up', on_failure: 'remove', servers, ...rules } as const]]);
  const watch = watchOf(checks, () => undefined);
  const states = new Map(
    HOSTS.map((host) => {
      const verdict = down.includes(host) ? ('down' as const) : ('up' as const);
      return [checkKey(check(host)), { verdict, against: 0, since: 0 }];
    }),
  );
  const since = '2026-11-22T14:02:00.000Z';
  const overrides = overridesOf(
    drained.map((host) => ({ service: key, server: name(host), state: 'drain', since })),
  );
  const quorums = quorumsOf([service], watch, states, new Map());
  const panics = panicsOf([service], watch, states, overrides, NO_PANICS);
  const known: Known = { watch, states, overrides, quorums, panics, starting: new Map(), holds: NO_HOLDS };
  const flapping = new Map([[key, new Map(held.map((host) => [name(host), HELD]))]]);
  const holds = holdsOf([service], flapping, known, NOW);
  const weights = (holding: Known['holds']) =>
    Object.fromEntries(
      weighBy({ ...known, holds: holding })(service).servers.map((one) => [
        Number(one.address.at(-1)),
        one.weight,
      ]),
    ) as Readonly<Record<number, number>>;
  return {
    holds: holds.get(key),
    reason: holds.get(key)?.get(name(held[0] ?? 1))?.reason,
    damped: weights(holds),
    plain: weights(NO_HOLDS),
    panics: panics.get(key)?.on ?? false,
    quorum: quorums.get(key)?.met ?? true,
  };
}

describe('servers that are held', () => {
  it('leave their service as if they were down', () => {
    const { damped, reason } = at({ held: [4] });
    expect(damped).toEqual({ 1: 10, 2: 20, 3: 30 });
    expect(reason).toBe('held down: went down 3 times in 1m; back in 25s if it stays up');
  });

  it('are in it while it would have nobody without them', () => {
    const { damped, reason } = at({ held: [1, 2], down: [3, 4] });
    expect(damped).toEqual({ 1: 10, 2: 20 });
    expect(reason).toBe('went down 3 times in 1m, but is needed: no other server is there');
    // Who is drained by an operator takes nobody's place, and a sorry server is not one of its servers.
    expect(at({ held: [1], down: [2, 3], drained: [4], sorry: true }).damped).toEqual({ 1: 10, 4: 0 });
    expect(at({ held: [...HOSTS] }).damped).toEqual({ 1: 10, 2: 20, 3: 30, 4: 40 });
  });

  it('are in it while its quorum would be lost without them', () => {
    expect(at({ held: [4], quorum: 60 }).damped).toEqual({ 1: 10, 2: 20, 3: 30 });
    const { damped, reason } = at({ held: [4], quorum: 61 });
    expect(damped).toEqual({ 1: 10, 2: 20, 3: 30, 4: 40 });
    expect(reason).toContain('but is needed: without it the quorum would be lost');
    // It is lost below 51 only.
    expect(at({ held: [4], quorum: 61, hysteresis: 10 }).damped).toEqual({ 1: 10, 2: 20, 3: 30 });
  });

  it('are in it while too few would be left for its panic threshold', () => {
    expect(at({ held: [4], down: [1], panic_threshold: 50 }).damped).toEqual({ 2: 20, 3: 30 });
    const { damped, panics, reason } = at({ held: [3, 4], down: [1], panic_threshold: 50 });
    expect(damped).toEqual({ 2: 20, 3: 30, 4: 40 });
    expect(panics).toBe(false);
    expect(reason).toContain('but is needed: without it too few would be left');
  });

  it('have their weights in a panic', () => {
    const { damped, panics } = at({ held: [4], down: [1, 2, 3], panic_threshold: 50 });
    expect(panics).toBe(true);
    expect(damped).toEqual({ 1: 10, 2: 20, 3: 30, 4: 40 });
  });
});

const cases = fc.record({
  down: fc.subarray([...HOSTS]),
  held: fc.subarray([...HOSTS]),
  drained: fc.subarray([...HOSTS]),
  quorum: fc.option(fc.integer({ min: 1, max: 110 }), { nil: undefined }),
  panic_threshold: fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined }),
  sorry: fc.boolean(),
});
const total = (weights: Readonly<Record<number, number>>) =>
  Object.values(weights).reduce((sum, weight) => sum + weight, 0);

describe('whatever is held', () => {
  it('a service that had somebody still has, and nobody gets more than without damping', () => {
    fc.assert(
      fc.property(cases, (one) => {
        const { damped, plain: before } = at(one);
        if (total(before) > 0) expect(total(damped)).toBeGreaterThan(0);
        for (const [host, weight] of Object.entries(damped))
          expect(weight).toBeLessThanOrEqual(before[Number(host)] ?? 0);
      }),
    );
  });

  it('all of a service are held or none, only those who flap lose, and what is left meets quorum and panic threshold', () => {
    fc.assert(
      fc.property(cases, (one) => {
        const { damped, plain: before, holds, quorum, panics } = at(one);
        const values = new Set([...(holds?.values() ?? [])].map(({ value }) => value));
        expect(values.size).toBeLessThanOrEqual(1);
        for (const host of HOSTS) {
          const isOut = before[host] !== damped[host];
          if (isOut) expect(one.held).toContain(host);
        }
        if (!values.has(0)) return;
        expect({ quorum, panics }).toEqual({ quorum: true, panics: false });
        const left = HOSTS.filter((host) => !one.down.includes(host) && !one.held.includes(host));
        if (one.quorum !== undefined)
          expect(left.reduce((sum, host) => sum + 10 * host, 0)).toBeGreaterThanOrEqual(one.quorum);
        const counting = HOSTS.filter((host) => !one.drained.includes(host));
        const up = counting.filter((host) => left.includes(host)).length;
        if (one.panic_threshold !== undefined)
          expect(100 * up).toBeGreaterThanOrEqual(one.panic_threshold * counting.length);
      }),
    );
  });
});

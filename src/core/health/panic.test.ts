import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEndpoint } from '../address/address.ts';
import { type Check, checkKey } from '../model/check.ts';
import { type Overrides, overridesOf } from '../model/override.ts';
import { serviceKey, type VirtualService } from '../model/service.ts';
import { DEFAULT_TIMEOUTS } from '../model/state.ts';
import { weighBy } from '../weight/weigh.ts';
import { NO_HOLDS } from './flap.ts';
import { NO_PANICS, type Panics, panics, panicsOf } from './panic.ts';
import { quorumsOf } from './quorum.ts';
import { watchOf } from './servers.ts';
import type { CheckState } from './state.ts';

/** Whether there is panic after each of a row of numbers of failing servers. */
function row(failing: readonly number[], of: number, threshold: number): string {
  let on = false;
  return failing
    .map((failed) => {
      on = panics({ failed, of }, threshold, on);
      return on ? 'P' : '-';
    })
    .join('');
}

describe('panic', () => {
  it('begins when less than the threshold are up', () => {
    expect(row([0, 1, 2, 3, 4, 2, 0], 4, 50)).toBe('---PP--');
    expect(row([0, 1, 2, 1], 2, 50)).toBe('--P-');
    expect(row([1, 0], 3, 100)).toBe('P-');
    expect(row([0], 0, 50)).toBe('-');
  });

  it('ends with a tenth of the servers more', () => {
    expect(row([10, 11, 10, 9, 8, 9, 10, 11], 20, 50)).toBe('-PPP---P');
  });

  const counts = fc
    .record({ of: fc.nat({ max: 200 }), threshold: fc.integer({ min: 1, max: 100 }) })
    .chain(({ of, threshold }) =>
      fc.record({ of: fc.constant(of), threshold: fc.constant(threshold), failed: fc.nat({ max: of }) }),
    );

  it('is never there while all are up, always when all fail, and more failures never end it', () => {
    fc.assert(
      fc.property(counts, fc.boolean(), ({ of, threshold, failed }, before) => {
        expect(panics({ failed: 0, of }, threshold, before)).toBe(false);
        if (of > 0) expect(panics({ failed: of, of }, threshold, before)).toBe(true);
        if (failed < of && panics({ failed, of }, threshold, before))
          expect(panics({ failed: failed + 1, of }, threshold, before)).toBe(true);
        // Whoever panics with these counts from calm goes on doing so.
        if (panics({ failed, of }, threshold, false))
          expect(panics({ failed, of }, threshold, true)).toBe(true);
      }),
    );
  });
});

const HOSTS = [1, 2, 3, 4];
const service: VirtualService = {
  ...parseEndpoint('203.0.113.100:80')!,
  protocol: 'tcp',
  scheduler: 'wlc',
  timeouts: DEFAULT_TIMEOUTS,
  servers: HOSTS.map((host) => ({ ...parseEndpoint(`192.168.1.${host}:80`)!, weight: 10 * host })),
  sorry_server: parseEndpoint('192.168.1.9:80')!,
};
const key = serviceKey(service);
const check = (host: number): Check => ({
  type: 'tcp',
  ...parseEndpoint(`192.168.1.${host}:80`)!,
  interval: 5_000,
  timeout: 1_000,
  rise: 2,
  fall: 3,
});
const watch = watchOf(
  new Map([
    [
      key,
      {
        start_as: 'down',
        on_failure: 'remove',
        panic_threshold: 50,
        quorum: { quorum: 70, hysteresis: 0 },
        servers: new Map(HOSTS.map((host) => [`192.168.1.${host}:80`, [check(host)]])),
      },
    ],
  ]),
  () => undefined,
);

type Verdicts = Readonly<Record<number, 'up' | 'down'>>;
const statesOf = (verdicts: Verdicts) =>
  new Map(
    Object.entries(verdicts).map(([host, verdict]) => [
      checkKey(check(Number(host))),
      { verdict, against: 0, since: 0 } satisfies CheckState,
    ]),
  );
const at = (verdicts: Verdicts, before: Panics = NO_PANICS, overrides: Overrides = new Map()) =>
  panicsOf([service], watch, statesOf(verdicts), overrides, before);
const weights = (verdicts: Verdicts, found: Panics, overrides: Overrides = new Map()) => {
  const states = statesOf(verdicts);
  const known = {
    watch,
    states,
    overrides,
    quorums: quorumsOf([service], watch, states, new Map()),
    panics: found,
    holds: NO_HOLDS,
    starting: new Map(),
  };
  const { servers } = weighBy(known)(service);
  return Object.fromEntries(servers.map(({ address, weight }) => [Number(address.at(-1)), weight]));
};
const drained = (...hosts: number[]): Overrides =>
  overridesOf(
    hosts.map((host) => ({
      service: key,
      server: `192.168.1.${host}:80`,
      state: 'drain',
      since: '2026-11-22T14:02:00.000Z',
    })),
  );

describe('a service that panics', () => {
  const three: Verdicts = { 1: 'down', 2: 'down', 3: 'down', 4: 'up' };

  it('gives all their configured weights, whatever the quorum', () => {
    const found = at(three);
    expect([...found]).toEqual([[key, { on: true, failed: 3, of: 4 }]]);
    expect(weights(three, found)).toEqual({ 1: 10, 2: 20, 3: 30, 4: 40 });
    // Without panic the quorum of 70 is lost to a weight of 40.
    expect(weights(three, NO_PANICS)).toEqual({});
  });

  it('keeps what operators have said, and does not count those servers', () => {
    const found = at(three, NO_PANICS, drained(1, 2));
    expect(found.get(key)).toEqual({ on: false, failed: 1, of: 2 });
    const all: Verdicts = { ...three, 4: 'down' };
    expect(weights(all, at(all, NO_PANICS, drained(1)), drained(1))).toEqual({ 1: 0, 2: 20, 3: 30, 4: 40 });
  });

  it('does not begin by servers that are not checked yet, and does not end by them', () => {
    expect(at({}).get(key)).toEqual({ on: false, failed: 0, of: 4 });
    const found = at({}, at(three));
    expect(found.get(key)).toEqual({ on: true, failed: 4, of: 4 });
    expect(weights({}, found)).toEqual({ 1: 10, 2: 20, 3: 30, 4: 40 });
  });
});

describe('a daemon that starts', () => {
  const started = (previous: Verdicts, verdicts: Verdicts, startAs: 'up' | 'down' = 'up') => {
    const own = watch.services.get(key)!;
    const again = watchOf(
      new Map([
        [
          key,
          {
            start_as: startAs,
            on_failure: own.on_failure,
            panic_threshold: 50,
            servers: new Map(HOSTS.map((host) => [`192.168.1.${host}:80`, [check(host)]])),
          },
        ],
      ]),
      (_, server) => previous[Number(server.at(-4))],
    );
    const states = statesOf(verdicts);
    const panics = panicsOf([service], again, states, new Map(), NO_PANICS);
    const known = { watch: again, states, overrides: new Map(), quorums: new Map(), panics };
    const { servers } = weighBy({ ...known, holds: NO_HOLDS, starting: new Map() })(service);
    return { panic: panics.get(key), serving: servers.filter(({ weight }) => weight > 0).length };
  };
  const two: Verdicts = { 1: 'down', 2: 'down', 3: 'up', 4: 'up' };

  it('counts who was out as failed once another one fails, and not before', () => {
    expect(started(two, {})).toEqual({ panic: { on: false, failed: 0, of: 4 }, serving: 2 });
    expect(started(two, { 3: 'up', 4: 'up' })).toMatchObject({ panic: { on: false }, serving: 2 });
    expect(started(two, { 3: 'down' })).toEqual({ panic: { on: true, failed: 3, of: 4 }, serving: 4 });
    // Who has come back since is up.
    expect(started(two, { 1: 'up', 3: 'down' })).toMatchObject({
      panic: { on: false, failed: 2 },
      serving: 2,
    });
    // A new service whose servers are to begin as down is not in panic by the first that fails.
    expect(started({}, { 1: 'down' }, 'down')).toMatchObject({ panic: { on: false, failed: 1 } });
  });

  it('that has forgotten a panic leaves no service with less than its threshold until that is found again', () => {
    const verdict = fc.constantFrom('up' as const, 'down' as const);
    const previous = fc.record({ 1: verdict, 2: verdict, 3: verdict, 4: verdict });
    const results = fc.dictionary(fc.constantFrom('1', '2', '3', '4'), verdict);
    fc.assert(
      fc.property(previous, results, (before, found) => {
        const { panic, serving } = started(before, found);
        if (Object.values(found).includes('down')) expect(serving).toBeGreaterThanOrEqual(2);
        if (panic?.on === true) expect(serving).toBe(4);
      }),
    );
  });
});

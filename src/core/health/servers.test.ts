import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAddress } from '../address/address.ts';
import { type Check, checkKey, type ServiceChecks } from '../model/check.ts';
import { NO_OVERRIDES, overridesOf } from '../model/override.ts';
import { type ServiceKey, serviceKey, type VirtualService } from '../model/service.ts';
import { DEFAULT_TIMEOUTS } from '../model/state.ts';
import { type Known, weighBy } from '../weight/weigh.ts';
import { NO_HOLDS } from './flap.ts';
import { type Quorums, quorumsOf } from './quorum.ts';
import {
  failingCheck,
  healthOf,
  NO_WATCH,
  previouslyInPlane,
  previouslyWatched,
  type Watch,
  watchOf,
} from './servers.ts';
import type { CheckState, CheckVerdict } from './state.ts';

const ip = (host: number) => parseAddress(`192.168.1.${host}`)!;
const check = (host: number, more: Partial<Check> = {}): Check =>
  ({
    type: 'tcp',
    address: ip(host),
    port: 80,
    interval: 5_000,
    timeout: 1_000,
    rise: 2,
    fall: 3,
    ...more,
  }) as Check;
const service = (port: number, weights: Readonly<Record<number, number>>): VirtualService => ({
  protocol: 'tcp',
  address: parseAddress('203.0.113.100')!,
  port,
  scheduler: 'wlc',
  timeouts: DEFAULT_TIMEOUTS,
  servers: Object.entries(weights).map(([host, weight]) => ({ address: ip(Number(host)), port: 80, weight })),
});
const checksOf = (one: VirtualService, more: Partial<ServiceChecks> = {}): [ServiceKey, ServiceChecks] => [
  serviceKey(one),
  {
    start_as: 'up',
    on_failure: 'remove',
    servers: new Map(
      one.servers.map(({ address, port }) => [`${address}:${port}`, [check(Number(address.split('.')[3]))]]),
    ),
    ...more,
  },
];
const state = (verdict: CheckVerdict, since = 0): CheckState => ({
  verdict,
  against: 0,
  since,
  ...(verdict === 'unknown'
    ? {}
    : { decided: { outcome: verdict === 'up' ? 'passed' : 'failed', reason: `${verdict}!`, tookMs: 1 } }),
});
const states = (verdicts: Readonly<Record<number, CheckVerdict>>) =>
  new Map(Object.entries(verdicts).map(([host, verdict]) => [checkKey(check(Number(host))), state(verdict)]));
const never = () => undefined;
const known = (watch: Watch, verdicts: Parameters<typeof states>[0], quorums: Quorums = new Map()) => ({
  watch,
  states: states(verdicts),
  quorums,
  panics: new Map(),
  overrides: NO_OVERRIDES,
  holds: NO_HOLDS,
  starting: new Map(),
});
const weightsIn = ({ servers }: VirtualService) =>
  Object.fromEntries(servers.map(({ address, weight }) => [Number(address.split('.')[3]), weight]));

describe('a watch', () => {
  it('makes a check once that several services ask for with the same parameters', () => {
    const [a, b] = [service(80, { 101: 1, 102: 1 }), service(443, { 101: 1 })];
    expect(watchOf(new Map([checksOf(a), checksOf(b)]), never).checks.size).toBe(2);
    const other = checksOf(b, {
      servers: new Map([['192.168.1.101:80', [check(101, { interval: 1_000 })]]]),
    });
    expect(watchOf(new Map([checksOf(a), other]), never).checks.size).toBe(3);
  });

  it('names a check by all that it is made of, in whatever order', () => {
    const { type, ...rest } = check(101);
    expect(checkKey({ ...rest, type } as Check)).toBe(checkKey(check(101)));
    for (const more of [{ port: 81 }, { timeout: 999 }, { rise: 1 }, { source: ip(1) }])
      expect(checkKey(check(101, more))).not.toBe(checkKey(check(101)));
  });
});

describe('a server', () => {
  const watched = (initial: 'up' | 'down', ...hosts: number[]) => ({
    initial,
    checks: hosts.map((host) => checkKey(check(host))),
  });

  it('counts as what it was until it is checked', () => {
    expect(healthOf(watched('up', 1), new Map())).toMatchObject({ verdict: 'up', checked: false });
    expect(healthOf(watched('down', 1), states({ 1: 'unknown' }))).toMatchObject({
      verdict: 'down',
      checked: false,
    });
  });

  it('is up when all its checks pass, and down by one that fails', () => {
    expect(healthOf(watched('down', 1, 2), states({ 1: 'up', 2: 'up' }))).toMatchObject({
      verdict: 'up',
      checked: true,
    });
    expect(healthOf(watched('down', 1, 2), states({ 1: 'up' }))).toMatchObject({
      verdict: 'down',
      checked: false,
    });
    expect(healthOf(watched('up', 1, 2), states({ 1: 'up', 2: 'down' }))).toMatchObject({
      verdict: 'down',
      checked: true,
      reason: 'down!',
    });
  });

  it('names the check that it is down by', () => {
    const one = service(80, { 101: 1 });
    const watch = watchOf(new Map([checksOf(one)]), never);
    const server = watch.services.get(serviceKey(one))!.servers.get('192.168.1.101:80')!;
    expect(failingCheck(server, watch, states({ 101: 'down' }))).toBe('tcp 192.168.1.101:80');
    expect(failingCheck(server, watch, states({ 101: 'up' }))).toBeUndefined();
  });
});

describe('weights by health', () => {
  const one = service(80, { 101: 3, 102: 2, 103: 0 });
  const weigh = (verdicts: Parameters<typeof states>[0], more: Partial<ServiceChecks> = {}) =>
    weighBy(known(watchOf(new Map([checksOf(one, more)]), never), verdicts))(one);

  it('take a server that is down out of its service, or make it 0', () => {
    expect(weightsIn(weigh({ 101: 'down', 102: 'up' }))).toEqual({ 102: 2, 103: 0 });
    expect(weightsIn(weigh({ 101: 'down', 102: 'up' }, { on_failure: 'inhibit' }))).toEqual({
      101: 0,
      102: 2,
      103: 0,
    });
  });

  it('leave the very same service when all are up, and services without checks', () => {
    expect(weigh({ 101: 'up', 102: 'up', 103: 'up' })).toBe(one);
    expect(weigh({})).toBe(one);
    const other = service(443, { 101: 1 });
    expect(weighBy(known(watchOf(new Map([checksOf(one)]), never), { 101: 'down' }))(other)).toBe(other);
  });

  it('keep servers out that start as down, until they pass', () => {
    expect(weightsIn(weigh({ 102: 'up' }, { start_as: 'down' }))).toEqual({ 102: 2 });
  });

  it('name those who are gone, where connections are to end with their server', () => {
    const weighOn = (
      on_down: 'reset' | undefined,
      on_failure: ServiceChecks['on_failure'],
      more: Partial<Known> = {},
    ) => {
      const of: VirtualService = { ...one, ...(on_down && { on_down }) };
      const grounds = known(watchOf(new Map([checksOf(of, { on_failure })]), never), {
        101: 'down',
        102: 'up',
        103: 'down',
      });
      return weighBy({ ...grounds, ...more })(of);
    };
    const lost = [101, 103].map((host) => ({ address: ip(host), port: 80 }));
    expect(weighOn('reset', 'remove').gone).toEqual(lost);
    expect(weighOn('reset', 'inhibit').gone).toEqual(lost);
    expect(weighOn(undefined, 'remove')).not.toHaveProperty('gone');
    // A panic suspects the check, and ends nothing.
    const panics = new Map([[serviceKey(one), { on: true, failed: 2, of: 3 }]]);
    expect(weighOn('reset', 'remove', { panics })).not.toHaveProperty('gone');
    // Who is drained or disabled keeps its connections, until the drain's deadline.
    const override = (server: number, state: 'drain' | 'down', overdue?: true) =>
      overridesOf([
        {
          service: serviceKey(one),
          server: `${ip(server)}:80`,
          state,
          since: '2026-11-22T14:00:00.000Z',
          ...(overdue && { overdue }),
        },
      ]);
    for (const state of ['drain', 'down'] as const)
      expect(weighOn('reset', 'remove', { overrides: override(102, state) }).gone).toEqual(lost);
    const all = [101, 102, 103].map((host) => ({ address: ip(host), port: 80 }));
    const overdue = { overrides: override(102, 'down', true) };
    expect(weighOn('reset', 'remove', overdue).gone).toEqual(all);
    expect(weighOn(undefined, 'remove', overdue)).not.toHaveProperty('gone');
  });

  it('name them for weight 0 as configured, too', () => {
    const drained: VirtualService = { ...service(80, { 101: 0 }), on_down: 'reset' };
    const watch = watchOf(new Map([checksOf(drained, { on_failure: 'inhibit' })]), never);
    expect(weighBy(known(watch, { 101: 'down' }))(drained)).toMatchObject({
      servers: [{ weight: 0 }],
      gone: [{ address: ip(101), port: 80 }],
    });
  });

  it('are nothing at all while the quorum is lost, if there is a sorry server to go to', () => {
    const sorry_server = { address: ip(109), port: 80 };
    const quorum = { quorum: 3, hysteresis: 0 };
    const weighed = (
      verdicts: Parameters<typeof states>[0],
      of: VirtualService,
      more: Partial<ServiceChecks> = {},
    ) => {
      const watch = watchOf(new Map([checksOf(of, { quorum, ...more })]), never);
      return weightsIn(
        weighBy(known(watch, verdicts, quorumsOf([of], watch, states(verdicts), new Map())))(of),
      );
    };
    const sorry = { ...one, sorry_server };
    expect(weighed({ 102: 'down' }, sorry)).toEqual({ 101: 3, 103: 0 });
    expect(weighed({ 101: 'down' }, sorry)).toEqual({});
    expect(weighed({ 101: 'down' }, sorry, { on_failure: 'inhibit' })).toEqual({ 101: 0, 102: 0, 103: 0 });
    expect(weighed({ 101: 'down' }, one)).toEqual({ 102: 2, 103: 0 });
  });

  it('never bring in a server, raise a weight, or keep a server that is down', () => {
    const verdict = fc.constantFrom<CheckVerdict>('up', 'down', 'unknown');
    const all = fc.record({ 101: verdict, 102: verdict, 103: verdict });
    const how = fc.record({
      start_as: fc.constantFrom('up' as const, 'down' as const),
      on_failure: fc.constantFrom('remove' as const, 'inhibit' as const),
    });
    fc.assert(
      fc.property(all, how, (verdicts, more) => {
        const result = weightsIn(weigh(verdicts, more)) as Record<number, number | undefined>;
        const configured = weightsIn(one) as Record<number, number>;
        for (const host of [101, 102, 103] as const) {
          const found = verdicts[host];
          const up = found === 'up' || (found === 'unknown' && more.start_as === 'up');
          const gone = more.on_failure === 'remove' ? undefined : 0;
          expect(result[host]).toBe(up ? configured[host] : gone);
        }
      }),
    );
  });
});

describe('what servers were before', () => {
  const configured = service(80, { 101: 3, 102: 2, 103: 0, 104: 1 });
  const key = serviceKey(configured);
  const initial = (watch: Watch) =>
    Object.fromEntries(
      [...watch.services.get(key)!.servers].map(([name, { initial }]) => [name.slice(10, 13), initial]),
    );

  it('is read from the data plane by a director that starts', () => {
    const plane = service(80, { 101: 3, 102: 0, 103: 0 });
    const previously = previouslyInPlane({ services: [configured] }, new Map([[key, plane]]));
    expect(initial(watchOf(new Map([checksOf(configured)]), previously))).toEqual({
      '101': 'up',
      '102': 'down',
      '103': 'up',
      '104': 'down',
    });
    const empty = previouslyInPlane({ services: [configured] }, new Map());
    expect(initial(watchOf(new Map([checksOf(configured, { start_as: 'down' })]), empty))['101']).toBe(
      'down',
    );
  });

  it('goes on over a reload that changes checks, and new servers start as the service says', () => {
    const before = watchOf(new Map([checksOf(service(80, { 101: 3, 102: 2 }))]), never);
    const services = new Map([[key, service(80, { 101: 3, 102: 2, 103: 1 })]]);
    const previously = previouslyWatched(before, states({ 101: 'down', 102: 'up' }), services);
    const after = watchOf(new Map([checksOf(configured, { start_as: 'down' })]), previously);
    expect(initial(after)).toEqual({ '101': 'down', '102': 'up', '103': 'up', '104': 'down' });
  });
});

describe('an operator', () => {
  const one = service(80, { 101: 3, 102: 2 });
  const key = serviceKey(one);
  const said = (state: 'drain' | 'down') =>
    overridesOf([{ service: key, server: '192.168.1.101:80', state, since: '2026-11-22T14:00:00.000Z' }]);
  const weigh = (state: 'drain' | 'down', watch: Watch = NO_WATCH) =>
    weightsIn(weighBy({ ...known(watch, {}), overrides: said(state) })(one));

  it('drains a server, and takes it out, with checks or without', () => {
    const inhibiting = watchOf(new Map([checksOf(one, { on_failure: 'inhibit' })]), never);
    for (const watch of [NO_WATCH, inhibiting, watchOf(new Map([checksOf(one)]), never)]) {
      expect(weigh('drain', watch)).toEqual({ 101: 0, 102: 2 });
      expect(weigh('down', watch)).toEqual({ 102: 2 });
    }
  });
});

/** Plans of which some steps are refused: what is done all the same, what is held back, and how the next one goes on. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { serviceWith } from '../../test/contract/conversation.ts';
import type { Address } from '../core/address/address.ts';
import { type Vip, vipKey } from '../core/model/host.ts';
import { serviceKey } from '../core/model/service.ts';
import { apply } from '../core/plan/apply.ts';
import { anyState } from '../core/plan/arbitrary.fixture.ts';
import { diff } from '../core/plan/diff.ts';
import { type DirectorState, EMPTY_STATE } from '../core/plan/states.ts';
import type { Step } from '../core/plan/step.ts';
import type { Log, LogFields } from '../observe/log.ts';
import { Converger } from './converge.ts';
import type { Edge } from './execute.ts';

/** A plane and a host that are one state; `refuse` stands for the kernel. */
function edgeAt(from: DirectorState) {
  const world = { state: from, refuse: (_: Step): string | undefined => undefined };
  const take = (step: Step): void => {
    const why = world.refuse(step);
    if (why !== undefined) throw new Error(why);
    world.state = apply(world.state, step);
  };
  const later = async (step: Step) => take(step);
  const edge = {
    plane: {
      publishService: (after) => take({ kind: 'publish_service', before: undefined, after }),
      removeService: (key) => take({ kind: 'remove_service', key, before: world.state.services.get(key)! }),
      setForwarding: (to) => take({ kind: 'set_forwarding', from: world.state.forwarding, to }),
      attach: (one) => take({ kind: 'attach', interface: one }),
      detach: (one) => take({ kind: 'detach', interface: one }),
      syncDaemons: {
        start: (after) => take({ kind: 'start_sync_daemon', before: undefined, after }),
        stop: (role) => take({ kind: 'stop_sync_daemon', before: world.state.syncDaemons.get(role)! }),
      },
    } as Edge['plane'],
    host: {
      setSysctl: (name, to) => later({ kind: 'set_sysctl', name, from: undefined, to }),
      addMasquerade: (rule) => later({ kind: 'add_masquerade', rule }),
      removeMasquerade: (rule) => later({ kind: 'remove_masquerade', rule }),
      addVip: (vip) => later({ kind: 'add_vip', vip }),
      removeVip: (vip) => later({ kind: 'remove_vip', vip }),
    } as Edge['host'],
  };
  const said: [string, LogFields | undefined][] = [];
  const note = (event: string, fields?: LogFields) => void said.push([event, fields]);
  const log = { info: () => {}, warn: note, error: note } as unknown as Log;
  const converger = new Converger(edge, log);
  return {
    world,
    said,
    converger,
    to: (desired: DirectorState) => converger.converge(desired, () => world.state),
  };
}

const VIP: Vip = { address: '203.0.113.100' as Address, length: 24, interface: 'eth0' };
const OTHER: Vip = { ...VIP, address: '203.0.113.101' as Address };
const [web, tls] = [80, 443].map((port) => serviceWith([1, 1], { port }));
const elsewhere = { ...web!, address: OTHER.address };
const stateOf = (services: readonly (typeof elsewhere)[], vips: readonly Vip[]): DirectorState => ({
  ...EMPTY_STATE,
  services: new Map(services.map((one) => [serviceKey(one), one])),
  vips: new Map(vips.map((one) => [vipKey(one), one])),
});
const kindsOf = ({ state }: { state: DirectorState }) => [[...state.services.keys()], [...state.vips.keys()]];

describe('a refusal in the middle of a plan', () => {
  it('is named with its place and reason, and keeps neither other services nor their VIP from coming', async () => {
    const { world, to, said } = edgeAt(EMPTY_STATE);
    const desired = stateOf([web!, tls!, elsewhere], [VIP, OTHER]);
    world.refuse = (step) =>
      step.kind === 'publish_service' && step.after.port === 443 ? 'no memory' : undefined;
    await expect(to(desired)).rejects.toThrow(
      /^1 of 5 steps failed: step 2, \+ service tcp 203\.0\.113\.100:443 .*: no memory$/,
    );
    expect(kindsOf(world)).toEqual([
      [serviceKey(web!), serviceKey(elsewhere)],
      [vipKey(VIP), vipKey(OTHER)],
    ]);
    expect(said).toMatchObject([['step_refused', { step: 2, of: 5, reason: 'no memory' }]]);
    // The same again is not told again; what has changed is.
    await expect(to(desired)).rejects.toThrow('1 of 1 steps failed: step 1');
    expect(said.length).toBe(1);
    world.refuse = () => undefined;
    expect((await to(desired)).length).toBe(1);
    expect(world.state).toEqual({ ...desired, services: expect.anything() });
    expect(diff(world.state, desired)).toEqual([]);
  });

  it('keeps a VIP away while none of its services is there', async () => {
    const { world, to, said, converger } = edgeAt(EMPTY_STATE);
    const desired = stateOf([web!, tls!, elsewhere], [VIP, OTHER]);
    world.refuse = (step) =>
      step.kind === 'publish_service' && step.after.address === VIP.address ? 'no' : undefined;
    await expect(to(desired)).rejects.toThrow(
      /2 of 5 steps failed: step 1, .*: no; step 2, .*: no; held back until then: \+ vip 203\.0\.113\.100\/24 dev eth0 \(none of its services is there\)$/,
    );
    expect(kindsOf(world)).toEqual([[serviceKey(elsewhere)], [vipKey(OTHER)]]);
    expect(said.at(-1)).toMatchObject([
      'step_held_back',
      { step: 4, change: '+ vip 203.0.113.100/24 dev eth0' },
    ]);
    // Nobody has changed it by hand: what is done at last is no drift.
    expect(converger.undone.has('+ vip 203.0.113.100/24 dev eth0')).toBe(true);
  });

  it('keeps a service whose VIP could not be taken away', async () => {
    const { world, to } = edgeAt(stateOf([web!, elsewhere], [VIP, OTHER]));
    world.refuse = (step) => (step.kind === 'remove_vip' && step.vip === VIP ? 'busy' : undefined);
    await expect(to(EMPTY_STATE)).rejects.toThrow(
      /held back until then: - service .*\(its VIP is still there\)/,
    );
    expect(kindsOf(world)).toEqual([[serviceKey(web!)], [vipKey(VIP)]]);
  });

  it('of a thousand services names five, and leaves the rest to the log', async () => {
    const { world, to, said } = edgeAt(EMPTY_STATE);
    const services = Array.from({ length: 1_000 }, (_, i) => serviceWith([1], { port: 1 + i }));
    world.refuse = (step) => (step.kind === 'publish_service' && step.after.port > 10 ? 'no' : undefined);
    await expect(to(stateOf(services, []))).rejects.toThrow(
      /^990 of 1000 steps failed: (step \d+, [^;]*; ){5}and 985 more, which the log has$/,
    );
    expect(world.state.services.size).toBe(10);
    expect(said.length).toBe(990);
  });

  it('breaks no law whatever is refused, and the next plan goes on from what is', async () => {
    const able = (state: DirectorState, key: string): number =>
      state.services.get(key as never)?.servers.filter(({ weight }) => weight > 0).length ?? 0;
    const behind = (state: DirectorState, { address }: Vip) =>
      [...state.services.values()].filter(
        (one) => one.prefix_length === undefined && one.address === address,
      );
    await fc.assert(
      fc.asyncProperty(anyState, anyState, fc.array(fc.boolean()), async (from, desired, refused) => {
        const { world, to } = edgeAt(from);
        let place = 0;
        world.refuse = () => (refused[place++] ? 'no' : undefined);
        const failed = await to(desired).then(
          () => 0,
          (error: Error) => Number(/^(\d+) of/.exec(error.message)?.[1]),
        );
        expect(failed).toBe(refused.slice(0, place).filter(Boolean).length);
        for (const [key, vip] of world.state.vips) {
          const wanted = behind(desired, vip);
          if (
            !from.vips.has(key) &&
            wanted.length > 0 &&
            ![...desired.services.values()].some((one) => one.prefix_length)
          )
            expect(wanted.some((one) => world.state.services.has(serviceKey(one)))).toBe(true);
          // Still there, against what should be: then so are the services that were behind it.
          if (!desired.vips.has(key))
            for (const one of behind(from, vip)) expect(world.state.services.has(serviceKey(one))).toBe(true);
        }
        for (const key of from.services.keys())
          if (desired.services.has(key))
            expect(able(world.state, key)).toBeGreaterThanOrEqual(
              Math.min(able(from, key), able(desired, key)),
            );
        world.refuse = () => undefined;
        await to(desired);
        expect(diff(world.state, desired)).toEqual([]);
      }),
    );
  });
});

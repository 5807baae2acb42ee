import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ServiceKey } from '../model/service.ts';
import { apply } from './apply.ts';
import { anyState } from './arbitrary.fixture.ts';
import { diff } from './diff.ts';
import type { DirectorState } from './states.ts';

/** Maps without their order, which a plan need not keep. */
const plain = (state: DirectorState) =>
  Object.fromEntries(
    Object.entries(state).map(([part, map]) => [
      part,
      [...(map as Map<string, unknown>)].sort(([a], [b]) => (a < b ? -1 : 1)),
    ]),
  );

const able = (state: DirectorState, key: ServiceKey): number =>
  state.services.get(key)?.servers.filter((server) => server.weight > 0).length ?? 0;

describe('diff', () => {
  it('leads from any state to any other', () => {
    fc.assert(
      fc.property(anyState, anyState, (from, to) => {
        expect(plain(diff(from, to).reduce(apply, from))).toEqual(plain(to));
      }),
    );
  });

  it('of a state and itself is empty, by identity and by value', () => {
    fc.assert(
      fc.property(anyState, (state) => {
        expect(diff(state, state)).toEqual([]);
        expect(diff(state, structuredClone(state))).toEqual([]);
      }),
    );
  });

  it('has no prefix that leaves a service fewer able servers than both ends have', () => {
    fc.assert(
      fc.property(anyState, anyState, (from, to) => {
        let state = from;
        for (const step of diff(from, to)) {
          state = apply(state, step);
          for (const key of new Set([...from.services.keys(), ...to.services.keys()]))
            expect(able(state, key)).toBeGreaterThanOrEqual(Math.min(able(from, key), able(to, key)));
        }
      }),
    );
  });

  it('publishes services before the VIP that brings them traffic, and takes VIPs away before services', () => {
    fc.assert(
      fc.property(anyState, anyState, (from, to) => {
        const kinds = diff(from, to).map((step) => step.kind);
        const last = (kind: string) => kinds.lastIndexOf(kind as (typeof kinds)[number]);
        const first = (kind: string) => {
          const at = kinds.indexOf(kind as (typeof kinds)[number]);
          return at < 0 ? kinds.length : at;
        };
        expect(last('publish_service')).toBeLessThan(first('add_vip'));
        expect(last('attach')).toBeLessThan(first('add_vip'));
        expect(last('remove_vip')).toBeLessThan(first('remove_service'));
      }),
    );
  });

  it('stops at a prefix and goes on from there', () => {
    fc.assert(
      fc.property(anyState, anyState, fc.nat(30), (from, to, cut) => {
        const middle = diff(from, to).slice(0, cut).reduce(apply, from);
        expect(plain(diff(middle, to).reduce(apply, middle))).toEqual(plain(to));
      }),
    );
  });
});

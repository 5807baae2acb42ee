import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { serviceKey } from '../model/service.ts';
import { anyState } from './arbitrary.fixture.ts';
import { diff } from './diff.ts';
import { driftOf } from './drift.ts';

describe('drift', () => {
  it('is named for every step: about what, what was found and what is wanted', () => {
    fc.assert(
      fc.property(anyState, anyState, (observed, desired) => {
        for (const step of diff(observed, desired)) {
          const drift = driftOf(step, {});
          expect(drift.step).toBe(step.kind);
          for (const text of [drift.subject, drift.found, drift.wanted]) expect(text).not.toBe('');
          expect(drift.found).not.toBe(drift.wanted);
        }
      }),
    );
  });

  it('of a damaged service is repaired by publishing it again, and said in the words of who found it', () => {
    fc.assert(
      fc.property(anyState, (state) => {
        const damaged = new Map([...state.services.keys()].map((key) => [key, `${key} is broken`]));
        const plan = diff({ ...state, damaged }, state);
        expect(plan.map((step) => step.kind === 'publish_service' && serviceKey(step.after))).toEqual([
          ...state.services.keys(),
        ]);
        for (const step of plan) {
          const { subject, found } = driftOf(step, { damaged });
          expect(found).toBe(`${subject} is broken`);
        }
      }),
    );
  });
});

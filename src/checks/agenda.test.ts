import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Agenda } from './agenda.ts';

it('gives what is due in the order of time, and nothing before', () => {
  const action = fc.oneof(
    fc.record({ add: fc.nat({ max: 50 }) }),
    fc.record({ take: fc.nat({ max: 50 }) }),
  ) as fc.Arbitrary<{ add?: number; take?: number }>;
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
      const agenda = new Agenda<number>();
      let model: number[] = [];
      for (const { add, take } of actions) {
        if (add !== undefined) {
          agenda.add({ at: add, what: add });
          model = [...model, add].sort((a, b) => a - b);
        } else {
          const due = model[0] !== undefined && model[0] <= take! ? model.shift() : undefined;
          expect(agenda.take(take!)?.what).toBe(due);
        }
        expect(agenda.size).toBe(model.length);
        expect(agenda.peek()?.at).toBe(model[0]);
      }
    }),
  );
});

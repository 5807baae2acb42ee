import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REST_MS, type Run, RunAllocator } from './runs.ts';

const overlap = (a: Run, b: Run) => a.start < b.start + b.length && b.start < a.start + a.length;

describe('runs', () => {
  it('never overlap, and nothing is lost', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.integer({ min: 1, max: 30 }), fc.constant(-1)), { maxLength: 60 }),
        (moves) => {
          const runs = new RunAllocator(200);
          const held: Run[] = [];
          let now = 0;
          for (const move of moves) {
            now += REST_MS;
            if (move < 0) {
              const back = held.shift();
              if (back) runs.give(back, now);
            } else {
              const run = runs.take(move, now);
              if (run) {
                expect(held.some((other) => overlap(other, run))).toBe(false);
                held.push(run);
              }
            }
          }
          runs.rested();
          expect(runs.free + held.reduce((sum, run) => sum + run.length, 0)).toBe(200);
        },
      ),
    );
  });

  it('rest before they are given out again, unless a grace period has passed', () => {
    const runs = new RunAllocator(10);
    const run = runs.take(10, 0)!;
    runs.give(run, 0);
    expect(runs.take(1, REST_MS - 1)).toBeUndefined();
    expect(runs.take(10, REST_MS)).toEqual(run);
    runs.give(run, REST_MS);
    runs.rested();
    expect(runs.take(10, REST_MS)).toEqual(run);
  });

  it('begin around what is taken, and refuse what contradicts itself', () => {
    const runs = new RunAllocator(10, [
      { start: 2, length: 3 },
      { start: 5, length: 1 },
    ]);
    expect(runs.take(3, 0)).toEqual({ start: 6, length: 3 });
    expect(runs.take(2, 0)).toEqual({ start: 0, length: 2 });
    expect(() => new RunAllocator(10, [{ start: 9, length: 2 }])).toThrow(RangeError);
  });
});

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { diffLines } from './line-diff.ts';

const lines = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 12 });

/** The length of the longest list of lines that both have in that order. */
function longest(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return 0;
  if (a[0] === b[0]) return 1 + longest(a.slice(1), b.slice(1));
  return Math.max(longest(a.slice(1), b), longest(a, b.slice(1)));
}

it('gives both texts, each in its order, and keeps as much as can be kept', () => {
  fc.assert(
    fc.property(lines, lines, (a, b) => {
      const steps = diffLines(a, b);
      const of = (kind: '-' | '+') => steps.filter((step) => step.kind === '=' || step.kind === kind);
      expect(of('-').map((step) => ('a' in step ? step.a : -1))).toEqual(a.map((_, i) => i));
      expect(of('+').map((step) => ('b' in step ? step.b : -1))).toEqual(b.map((_, i) => i));
      for (const step of steps) if (step.kind === '=') expect(a[step.a]).toBe(b[step.b]);
      expect(steps.filter(({ kind }) => kind === '=')).toHaveLength(longest(a, b));
    }),
  );
});

it('ends where nearly all lines differ', () => {
  const a = Array.from({ length: 3_000 }, (_, i) => `a${i}`);
  const steps = diffLines(['same', ...a, 'same'], ['same', ...a.map((one) => `b${one}`), 'same']);
  expect(steps.filter(({ kind }) => kind === '=')).toHaveLength(2);
});

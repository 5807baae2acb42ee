import fc from 'fast-check';
import { expect, it } from 'vitest';
import { closeness, EVERY_PORT } from '../../core/model/ports.ts';
import { type Claim, settleClaims } from './port-ranges.ts';

const claims: fc.Arbitrary<Claim[]> = fc
  .array(
    fc.array(
      fc.oneof(
        fc.constant(EVERY_PORT),
        fc
          .tuple(fc.integer({ min: 1, max: 40 }), fc.nat(9))
          .map(([first, more]) => ({ first, last: first + more })),
        fc.constantFrom(65_530, 65_535).map((first) => ({ first, last: 65_535 })),
      ),
      { maxLength: 4 },
    ),
    { maxLength: 5 },
  )
  .map((all) => all.map((ranges, id) => ({ id, ranges })));

/** Who has a port, by what the words say: who names it most closely, and of those the last. */
function ownerOf(all: readonly Claim[], port: number): number | undefined {
  const found = all.flatMap(({ id, ranges }) =>
    ranges
      .filter(({ first, last }) => first <= port && port <= last)
      .map((range) => ({ id, close: closeness(range) })),
  );
  const closest = Math.max(...found.map(({ close }) => close));
  return found.filter(({ close }) => close === closest).at(-1)?.id;
}

it('every port belongs to who names it most closely, and each range is as long as can be', () => {
  fc.assert(
    fc.property(claims, (all) => {
      const settled = settleClaims(all);
      for (const port of [0, ...Array.from({ length: 52 }, (_, i) => i), 65_529, 65_530, 65_534, 65_535])
        expect(
          settled.find(({ first, last }) => first <= port && port <= last)?.service,
          `port ${port}`,
        ).toBe(ownerOf(all, port));
      settled.slice(1).forEach(({ first, service }, i) => {
        expect(first).toBeGreaterThan(settled[i]!.last);
        if (first === settled[i]!.last + 1) expect(service).not.toBe(settled[i]!.service);
      });
    }),
  );
});

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { makePattern, sha256OfPattern } from './bytes.ts';

const pattern = makePattern();
const bytes = (offset: number, length: number): Buffer => Buffer.concat([...pattern(offset, length)]);

it('a part of the pattern does not depend on where it was cut', () => {
  const sizes = fc.integer({ min: 0, max: 200_000 });
  fc.assert(
    fc.property(sizes, sizes, (head, tail) => {
      expect(Buffer.concat([bytes(0, head), bytes(head, tail)]).equals(bytes(0, head + tail))).toBe(true);
    }),
    { numRuns: 30 },
  );
});

it('a byte more, a byte less or a block moved changes the digest', () => {
  expect(sha256OfPattern(131_073)).not.toBe(sha256OfPattern(131_072));
  const whole = bytes(0, 262_144);
  const swapped = Buffer.concat([
    whole.subarray(65_536, 131_072),
    whole.subarray(0, 65_536),
    whole.subarray(131_072),
  ]);
  expect(swapped.equals(whole)).toBe(false);
});

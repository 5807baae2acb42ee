/** Bodies whose every byte is known, so that a transfer can be checked by a digest. */
import { createHash } from 'node:crypto';

/** A prime, so that bytes lost or doubled in powers of two shift the pattern and change the digest. */
const period = 65_521;

/** One period of the pattern, made by a linear congruential generator (Numerical Recipes, the "quick and dirty" one). */
function onePeriod(): Buffer {
  const bytes = Buffer.alloc(period);
  let state = 1;
  for (let index = 0; index < period; index += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

/** Gives `length` bytes of the endless pattern from `offset` on, in pieces of at most 65,521 bytes. */
export function makePattern(): (offset: number, length: number) => Generator<Buffer> {
  const pattern = onePeriod();
  return function* pieces(offset: number, length: number): Generator<Buffer> {
    let at = offset;
    const end = offset + length;
    while (at < end) {
      const from = at % period;
      const piece = pattern.subarray(from, Math.min(period, from + end - at));
      yield piece;
      at += piece.length;
    }
  };
}

/** The SHA-256 in hexadecimal that a download of `/bytes/LENGTH` must have. */
export function sha256OfPattern(length: number): string {
  const digest = createHash('sha256');
  for (const piece of makePattern()(0, length)) digest.update(piece);
  return digest.digest('hex');
}

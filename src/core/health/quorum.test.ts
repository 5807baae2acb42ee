import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quorumMet } from './quorum.ts';

/** Whether the quorum is met after each of a row of weights. */
function row(weights: readonly number[], quorum: { quorum: number; hysteresis: number }): string {
  let met: boolean | undefined;
  return weights
    .map((weight) => {
      met = quorumMet(weight, quorum, met);
      return met ? 'Y' : 'n';
    })
    .join('');
}

describe('a quorum', () => {
  it('is met from its weight on', () => {
    expect(row([0, 1, 2, 3, 1], { quorum: 2, hysteresis: 0 })).toBe('nnYYn');
    expect(row([5], { quorum: 5, hysteresis: 2 })).toBe('Y');
  });

  it('is lost below by its hysteresis and met again above by it', () => {
    expect(row([5, 4, 3, 2, 3, 5, 6, 7, 6, 3, 2], { quorum: 5, hysteresis: 2 })).toBe('YYYnnnnYYYn');
  });

  it('changes only by a weight beyond the band, and always by one', () => {
    const quorum = fc
      .record({ quorum: fc.integer({ min: 1, max: 20 }), hysteresis: fc.nat({ max: 19 }) })
      .filter(({ quorum: q, hysteresis: h }) => h < q);
    fc.assert(
      fc.property(quorum, fc.nat({ max: 60 }), fc.boolean(), (q, weight, before) => {
        const met = quorumMet(weight, q, before);
        if (weight < q.quorum - q.hysteresis) expect(met).toBe(false);
        else if (weight >= q.quorum + q.hysteresis) expect(met).toBe(true);
        else expect(met).toBe(before);
      }),
    );
  });
});

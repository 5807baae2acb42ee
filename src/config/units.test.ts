import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatCount, formatDuration, parseCount, parseDuration } from './units.ts';

describe('units', () => {
  it('reads durations', () => {
    const right: Record<string, number> = {
      '90s': 90_000,
      '15m': 900_000,
      '2h': 7_200_000,
      '500ms': 500,
      '1d': 86_400_000,
      '1h30m': 5_400_000,
      '1m500ms': 60_500,
      '0s': 0,
    };
    for (const [text, value] of Object.entries(right)) expect(parseDuration(text), text).toBe(value);
    for (const wrong of ['', '15', 's', '1.5h', '30m1h', '1h1h', ' 1s', '1s ', '-1s', '1 s', '1w', '1S'])
      expect(parseDuration(wrong), wrong).toBeUndefined();
  });

  it('reads counts', () => {
    expect(['0', '12', '64K', '1M'].map(parseCount)).toEqual([0, 12, 65_536, 1_048_576]);
    for (const wrong of ['', 'K', '1k', '1G', '1.5M', '-1', '1 K', '1e3', '1KB'])
      expect(parseCount(wrong), wrong).toBeUndefined();
  });

  it('writes what it reads', () => {
    fc.assert(
      fc.property(fc.nat({ max: 20 * 86_400_000 }), (n) => {
        expect(parseDuration(formatDuration(n))).toBe(n);
        expect(parseCount(formatCount(n))).toBe(n);
      }),
    );
    expect(formatDuration(5_400_000)).toBe('1h30m');
    expect([formatCount(1_048_576), formatCount(131_072), formatCount(1_000)]).toEqual([
      '1M',
      '128K',
      '1000',
    ]);
  });
});

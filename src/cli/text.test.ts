import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bar, clean, cleanLines, formatExpire, humanCount } from './text.ts';

describe('clean', () => {
  test('leaves nothing that a terminal would obey', () => {
    expect(clean('a\u001b[31mb\u009b0m\r\n\u202ec\u2028')).toBe('a[31mb0mc');
    expect(cleanLines('a\tb\n\u001b]0;x\u0007')).toBe('a\tb\n]0;x');
  });
});

describe('humanCount', () => {
  test.each([
    [0, '0'],
    [99_999, '99999'],
    [100_000, '100K'],
    [999_499, '999K'],
    [999_999, '1.00M'],
    [1_234_567, '1.23M'],
    [9_994_999, '9.99M'],
    [9_995_000, '10.0M'],
    [12_345_678, '12.3M'],
    [99_960_000, '100M'],
    [7_000_000_000_000, '7.00T'],
    [Number.MAX_SAFE_INTEGER, '9.01P'],
  ])('%i is %s', (count, text) => {
    expect(humanCount(count)).toBe(text);
  });

  test('takes five characters at most and is right to half a percent', () => {
    const factors: Record<string, number> = { K: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15 };
    fc.assert(
      fc.property(fc.maxSafeNat(), (count) => {
        const text = humanCount(count);
        expect(text.length).toBeLessThanOrEqual(5);
        const value = Number.parseFloat(text) * (factors[text.slice(-1)] ?? 1);
        expect(Math.abs(value - count)).toBeLessThanOrEqual(count * 0.0051);
      }),
    );
  });
});

test.each([
  [0, '00:00'],
  [59_999, '00:59'],
  [899_000, '14:59'],
  [20 * 86_400_000, '28800:00'],
])('%i ms expire in %s', (ms, text) => {
  expect(formatExpire(ms)).toBe(text);
});

test('a bar is as long as its share, in eighths of a character', () => {
  expect(bar(1, 4)).toBe('████');
  expect(bar(0.5, 3)).toBe('█▌');
  expect(bar(0.01, 20)).toBe('▎');
  expect(bar(0, 20)).toBe('');
  expect(bar(7, 2)).toBe('██');
});

/** Durations and counts as people write them: `1h30m`, `64K`. */

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
] as const;

/** What a duration looks like: each unit at most once, the largest first. */
export const DURATION_PATTERN = '^(?=\\d)(\\d+d)?(\\d+h)?(\\d+m)?(\\d+s)?(\\d+ms)?$';

/** What a count written as text looks like. K is 1,024 and M is 1,048,576. */
export const COUNT_PATTERN = '^\\d+[KM]?$';

/** Milliseconds of `90s`, `15m`, `1h30m`, `500ms` or `1d`; undefined if the text is anything else. */
export function parseDuration(text: string): number | undefined {
  if (!new RegExp(DURATION_PATTERN).test(text)) return undefined;
  let total = 0;
  for (const [, digits, unit] of text.matchAll(/(\d+)(ms|[dhms])/g))
    total += Number(digits) * (UNITS.find(([name]) => name === unit)?.[1] ?? Number.NaN);
  return total;
}

/** A whole number of milliseconds in the form that `parseDuration` reads, such as `1h30m`; `0s` for none. */
export function formatDuration(milliseconds: number): string {
  let rest = milliseconds;
  let text = '';
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text === '' ? '0s' : text;
}

/** The number in `4096`, `64K` or `1M`; undefined if the text is anything else. */
export function parseCount(text: string): number | undefined {
  if (!new RegExp(COUNT_PATTERN).test(text)) return undefined;
  const size = text.endsWith('K') ? 1_024 : text.endsWith('M') ? 1_048_576 : 1;
  return Number.parseInt(text, 10) * size;
}

/** A count in its shortest exact form: `1M`, `64K`, `1000`. */
export function formatCount(count: number): string {
  if (count > 0 && count % 1_048_576 === 0) return `${count / 1_048_576}M`;
  if (count > 0 && count % 1_024 === 0) return `${count / 1_024}K`;
  return String(count);
}

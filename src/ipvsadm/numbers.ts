/** Numbers as C reads them from a command line (strtol(3), atoi(3)) and as listings show them. */

/** A whole number of base ten between two bounds, inclusive: blanks before it and a sign may be, nothing after it. */
export function parseInteger(text: string, lowest: number, highest: number): number | undefined {
  if (!/^[ \t\n\v\f\r]*[+-]?\d+$/.test(text)) return undefined;
  const value = Number(text);
  return value >= lowest && value <= highest ? value : undefined;
}

/** The number that a text begins with; 0 for none. */
export function leadingInteger(text: string): number {
  return Number(/^[ \t\n\v\f\r]*([+-]?\d+)/.exec(text)?.[1] ?? 0);
}

/** From so many on a number is shown in thousands, and in thousands of those. */
const SHORTENED: readonly (readonly [from: bigint, divisor: bigint, unit: string])[] = [
  [100_000_000_000_000_000n, 1_000_000_000_000n, 'T'],
  [100_000_000_000_000n, 1_000_000_000n, 'G'],
  [100_000_000_000n, 1_000_000n, 'M'],
  [100_000_000n, 1_000n, 'K'],
];

/** A counter in a column of nine; `exact`: with all its digits, however many. */
export function formatCounter(value: bigint, exact: boolean): string {
  const [, divisor, unit] = exact ? [] : (SHORTENED.find(([from]) => value >= from) ?? []);
  const text = divisor === undefined ? `${value}` : `${value / divisor}${unit}`;
  return ` ${text.padStart(8)}`;
}

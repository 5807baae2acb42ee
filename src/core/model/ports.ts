/** Several ports of one service: single ones and ranges. */

/** Ports from `first` to `last`, both of them included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** The most single ports and ranges that one service can have. */
export const MAX_RANGES = 64;

/** Reads one port, 1 – 65535, or a range such as `8000-8100`; undefined if the text is neither. */
export function parsePortRange(text: string): PortRange | undefined {
  const [, low, high = low] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const [first, last] = [Number(low), Number(high)];
  // A text that did not match gives NaN, which is in no order.
  return first >= 1 && first <= last && last <= 65_535 ? { first, last } : undefined;
}

/** `443` or `8000-8100`. */
export function formatPortRange({ first, last }: PortRange): string {
  return first === last ? String(first) : `${first}-${last}`;
}

/** The ranges in ascending order. */
export function sortRanges(ranges: readonly PortRange[]): readonly PortRange[] {
  return [...ranges].sort((a, b) => a.first - b.first || a.last - b.last);
}

/** Whether the two have a port in common. */
export function overlap(a: PortRange, b: PortRange): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** How closely a range names its ports: a single one goes before a range, and that before every port. */
export function closeness({ first, last }: PortRange): 0 | 1 | 2 {
  if (first === last) return 2;
  return first === 0 ? 0 : 1;
}

/** All ports, as a service of port 0 has them. */
export const EVERY_PORT: PortRange = { first: 0, last: 65_535 };

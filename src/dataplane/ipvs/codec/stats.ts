/** Statistics of a service or a destination. */
import type { Fields } from './fields.ts';
import { IPVS_STATS_ATTR } from './numbers.ts';
import type { IpvsStats } from './values.ts';

/** Nothing counted. */
export const NO_STATS: IpvsStats = {
  conns: 0n,
  inpkts: 0n,
  outpkts: 0n,
  inbytes: 0n,
  outbytes: 0n,
  cps: 0n,
  inpps: 0n,
  outpps: 0n,
  inbps: 0n,
  outbps: 0n,
};

/** Each with its type: the names are those of the header in small letters. */
const TYPES = Object.entries(IPVS_STATS_ATTR).map(
  ([name, type]) => [name.toLowerCase() as keyof IpvsStats, type] as const,
);

/** The 64-bit statistics, or those of 32 bits of a kernel before 4.1, which has no others; zeroes where there are none at all. */
export function readStats(fields: Fields, stats: number, stats64: number): IpvsStats {
  const type = fields.has(stats64) ? stats64 : stats;
  if (!fields.has(type)) return NO_STATS;
  const inner = fields.inside(type, 'statistics');
  let read: { -readonly [K in keyof IpvsStats]: bigint } | undefined;
  for (const [field, type] of TYPES) {
    const number = inner.wideOr0(type, field);
    // Most servers of a large table have counted nothing.
    if (number === 0n) continue;
    read ??= { ...NO_STATS };
    read[field] = number;
  }
  return read ?? NO_STATS;
}

/** Statistics of a service or a destination. */
import { LITTLE_ENDIAN, viewOf } from '../../../kernel/netlink/bytes.ts';
import { type Fields, readInside } from './fields.ts';
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

/** A number of 32 or 64 bits, whichever it has: STATS has both, STATS64 only the latter. */
function wide(bytes: Uint8Array): bigint {
  const view = viewOf(bytes);
  return bytes.length < 8 ? BigInt(view.getUint32(0, LITTLE_ENDIAN)) : view.getBigUint64(0, LITTLE_ENDIAN);
}

/** The 64-bit statistics, or those of 32 bits of a kernel before 4.1, which has no others; zeroes where there are none at all. */
export function readStats(fields: Fields, stats: number, stats64: number): IpvsStats {
  const type = fields.has(stats64) ? stats64 : stats;
  if (!fields.has(type)) return NO_STATS;
  return readInside(fields.bytes(type, 0, 'statistics'), (inner) => {
    const stats: { -readonly [K in keyof IpvsStats]: bigint } = { ...NO_STATS };
    for (const [field, type] of TYPES)
      if (inner.has(type)) stats[field] = wide(inner.bytes(type, 4, `statistics ${field}`));
    return stats;
  });
}

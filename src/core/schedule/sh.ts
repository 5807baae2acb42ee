/**
 * sh, source hashing: the client's address, with sh-port and its port, chooses the server. One that takes no connections
 * leaves nobody; with sh-fallback the following buckets are tried.
 */
import { isAble, type Schedule } from './candidate.ts';
import { foldAddress, hash32 } from './hash.ts';
import { BUCKET_BITS, BUCKETS, tableOf } from './table.ts';

/** The server of the client's bucket. */
export const sh: Schedule = ({ servers, flags, table = tableOf('sh', servers) }, { client, clientPort }) => {
  const source = foldAddress(client) + (flags.includes('sh-port') ? clientPort : 0);
  const home = hash32(source, BUCKET_BITS);
  const at = (offset: number): number | undefined => {
    const index = table[((offset + home) % BUCKETS) % table.length];
    return index !== undefined && isAble(servers[index]!) ? index : undefined;
  };
  const first = at(0);
  if (first !== undefined || !flags.includes('sh-fallback')) return first;
  // As in ip_vs the offsets begin at the bucket itself, so the second look is not at its neighbour.
  for (let offset = 0; offset < BUCKETS; offset++) {
    const other = at((offset + home) % BUCKETS);
    if (other !== undefined) return other;
  }
  return undefined;
};

/** dh, destination hashing: a destination's address chooses the server. One that takes no connections leaves nobody. */
import { isAble, type Schedule } from './candidate.ts';
import { foldAddress, hash32 } from './hash.ts';
import { BUCKET_BITS, tableOf } from './table.ts';

/** The server of the destination's bucket. */
export const dh: Schedule = ({ servers, table = tableOf('dh', servers) }, { destination }) => {
  const index = table[hash32(foldAddress(destination), BUCKET_BITS) % table.length];
  return index !== undefined && isAble(servers[index]!) ? index : undefined;
};

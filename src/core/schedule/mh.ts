/**
 * mh, Maglev hashing: as sh, by a table in which a server that comes or goes moves few of the others' clients. Of one that
 * is drained by weight 0 they move none; its own get nobody, or with mh-fallback another server by a second hash.
 */
import { isAble, type Schedule } from './candidate.ts';
import { foldAddress, hsiphash } from './hash.ts';
import { MH_KEYS, MH_PLACES, tableOf } from './table.ts';

/** The server at the client's place. */
export const mh: Schedule = ({ servers, flags, table = tableOf('mh', servers) }, { client, clientPort }) => {
  const source = foldAddress(client) + (flags.includes('mh-port') ? clientPort : 0);
  const placeOf = (offset: number): number => hsiphash((source + offset) >>> 0, MH_KEYS[0]) % MH_PLACES;
  const at = (place: number): number | undefined => {
    const index = table[place];
    return index !== undefined && isAble(servers[index]!) ? index : undefined;
  };
  const home = placeOf(0);
  const first = at(home);
  if (first !== undefined || !flags.includes('mh-fallback')) return first;
  for (let offset = 0; offset < MH_PLACES; offset++) {
    const other = at(placeOf((offset + home) % MH_PLACES));
    if (other !== undefined) return other;
  }
  return undefined;
};

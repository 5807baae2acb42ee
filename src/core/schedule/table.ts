/**
 * The tables of sh, dh and mh: bucket to server. Made when a service is published, so that a packet's way is a hash and a
 * look. sh and dh deal their 256 buckets out in a pattern that repeats; only one repetition is kept, and a bucket
 * is looked up modulo its length.
 */
import type { Scheduler } from '../model/service.ts';
import type { Candidate } from './candidate.ts';
import { foldAddress, type HashKey, hsiphash } from './hash.ts';
import { gcd, reducedWeights } from './wrr.ts';

/** Buckets of sh and dh: 2 to the power of IP_VS_SH_TAB_BITS and IP_VS_DH_TAB_BITS, 8 as Linux is configured. */
export const BUCKET_BITS = 8;
/** Buckets of sh and dh. */
export const BUCKETS = 1 << BUCKET_BITS;
/** Places in mh's table, a prime (CONFIG_IP_VS_MH_TAB_INDEX 12). */
export const MH_PLACES = 4093;
/** The most bits that the weights in mh's table may have: IP_VS_MH_TAB_BITS. */
const MH_WEIGHT_BITS = 6;

/** The keys of mh's two hashes, as in ip_vs: where a client or a server begins, and by how much a server goes on. */
export const MH_KEYS: readonly [HashKey, HashKey] = [
  [2654435761n, 2654435761n],
  [2654446892n, 2654446892n],
];

/** What a table is made of. */
export type Tabled = Pick<Candidate, 'address' | 'port' | 'weight' | 'lastWeight'>;

/** The table of a scheduler that has one, as indices into `servers`; empty for other schedulers and without servers. */
export function tableOf(scheduler: Scheduler, servers: readonly Tabled[]): readonly number[] {
  switch (scheduler) {
    case 'sh':
      return tile(servers.map(({ weight }) => weight));
    case 'dh':
      return tile(servers.map(() => 1));
    case 'mh':
      return maglev(servers);
    default:
      return [];
  }
}

/** As many places in a row as the weight says, and one for weight 0, as in ip_vs; cut off where the buckets end. */
function tile(weights: readonly number[]): number[] {
  const places: number[] = [];
  weights.forEach((weight, index) => {
    for (let i = Math.max(1, weight); i > 0 && places.length < BUCKETS; i--) places.push(index);
  });
  return places;
}

/** Turns in a round of filling mh's table: weights without common divisor, shifted right until 6 bits hold the largest. */
function turnsOf(weights: readonly number[]): number[] {
  const reduced = weights.reduce(gcd, 0) === 0 ? weights : reducedWeights(weights);
  const bits = 32 - Math.clz32(Math.max(0, ...reduced));
  const shift = Math.max(0, bits - MH_WEIGHT_BITS);
  return reduced.map((weight) => weight >> shift || Number(weight !== 0));
}

/** Maglev's table (Eisenbud and others, NSDI 2016, 3.4): each server in turn takes the next free place of its own order. */
function maglev(servers: readonly Tabled[]): number[] {
  const turns = turnsOf(servers.map(({ lastWeight }) => lastWeight));
  if (turns.every((count) => count === 0)) return [];
  const orders = servers.map(({ address, port }) => {
    const name = (foldAddress(address) + port) >>> 0;
    return {
      next: hsiphash(name, MH_KEYS[0]) % MH_PLACES,
      skip: (hsiphash(name, MH_KEYS[1]) % (MH_PLACES - 1)) + 1,
    };
  });
  const places = new Array<number | undefined>(MH_PLACES).fill(undefined);
  let free = MH_PLACES;
  for (;;)
    for (const [index, order] of orders.entries())
      for (let turn = 0; turn < turns[index]!; turn++) {
        while (places[order.next] !== undefined) order.next = (order.next + order.skip) % MH_PLACES;
        places[order.next] = index;
        if (--free === 0) return places as number[];
      }
}

/** The hashes of ip_vs's schedulers: the kernel's hash_32 and hsiphash, bit by bit. */

const MASK_64 = (1n << 64n) - 1n;

/** An address as one number of 32 bits, in host byte order; an IPv6 address's four words are combined by XOR. */
export function foldAddress(address: Uint8Array): number {
  const view = new DataView(address.buffer, address.byteOffset, address.byteLength);
  let folded = 0;
  for (let at = 0; at < address.length; at += 4) folded ^= view.getUint32(at);
  return folded >>> 0;
}

/** hash_32 of include/linux/hash.h: the highest `bits` (1–32) of the product with 2^32 ÷ the golden ratio squared. */
export function hash32(value: number, bits: number): number {
  return Math.imul(value, 0x61c88647) >>> (32 - bits);
}

/** A key of hsiphash: two words of 64 bits. */
export type HashKey = readonly [bigint, bigint];

/**
 * hsiphash of one 32-bit word on a 64-bit kernel: SipHash-1-3 (Aumasson and Bernstein), of whose output the lower half
 * is taken.
 */
export function hsiphash(value: number, [low, high]: HashKey): number {
  const v: [bigint, bigint, bigint, bigint] = [
    0x736f6d6570736575n ^ low,
    0x646f72616e646f6dn ^ high,
    0x6c7967656e657261n ^ low,
    0x7465646279746573n ^ high,
  ];
  // The last block: four bytes of input, zeroes, and the input's length on top.
  const block = (4n << 56n) | BigInt(value >>> 0);
  v[3] ^= block;
  sipRound(v);
  v[0] ^= block;
  v[2] ^= 0xffn;
  for (let round = 0; round < 3; round++) sipRound(v);
  return Number((v[0] ^ v[1] ^ v[2] ^ v[3]) & 0xffffffffn);
}

const rotate = (word: bigint, by: bigint): bigint => ((word << by) | (word >> (64n - by))) & MASK_64;

function sipRound(v: [bigint, bigint, bigint, bigint]): void {
  v[0] = (v[0] + v[1]) & MASK_64;
  v[1] = rotate(v[1], 13n) ^ v[0];
  v[0] = rotate(v[0], 32n);
  v[2] = (v[2] + v[3]) & MASK_64;
  v[3] = rotate(v[3], 16n) ^ v[2];
  v[0] = (v[0] + v[3]) & MASK_64;
  v[3] = rotate(v[3], 21n) ^ v[0];
  v[2] = (v[2] + v[1]) & MASK_64;
  v[1] = rotate(v[1], 17n) ^ v[2];
  v[2] = rotate(v[2], 32n);
}

/** Two numbers of 32 bits that look random, from the number of a turn (Steele, Lea, Flood: SplitMix64). */
export function mixTurn(turn: number): readonly [number, number] {
  let mixed = (BigInt(turn) * 0x9e3779b97f4a7c15n + 0x9e3779b97f4a7c15n) & MASK_64;
  mixed = ((mixed ^ (mixed >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK_64;
  mixed = ((mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn) & MASK_64;
  mixed ^= mixed >> 31n;
  return [Number(mixed & 0xffffffffn), Number(mixed >> 32n)];
}

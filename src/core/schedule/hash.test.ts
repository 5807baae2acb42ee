import { describe, expect, it } from 'vitest';
import { addressBytes, parseAddress } from '../address/address.ts';
import { foldAddress, hash32, hsiphash, mixTurn } from './hash.ts';

const folded = (text: string) => foldAddress(addressBytes(parseAddress(text)!));

describe('hashes', () => {
  it("hsiphash is the kernel's, by the fifth vector of lib/tests/siphash_kunit.c", () => {
    expect(hsiphash(0x03020100, [0x0706050403020100n, 0x0f0e0d0c0b0a0908n])).toBe(0x88d38328);
  });

  it('hash_32 takes the highest bits of a product modulo 2^32', () => {
    // By hand: 1 × 0x61c88647, then 0xcb00710a × 0x61c88647 mod 2^32 = 0x2c8ab5c6.
    expect(hash32(1, 32)).toBe(0x61c88647);
    expect(hash32(1, 8)).toBe(0x61);
    expect(hash32(0xcb00710a, 32)).toBe(Number((0xcb00710an * 0x61c88647n) & 0xffffffffn));
    // A port may carry over the 32 bits of the address.
    expect(hash32(0xffffffff + 80, 8)).toBe(hash32(79, 8));
  });

  it('addresses are folded in network byte order, the words of IPv6 by XOR', () => {
    expect(folded('203.0.113.10')).toBe(0xcb00710a);
    expect(folded('2001:db8:113::10')).toBe((0x20010db8 ^ 0x01130000 ^ 0x10) >>> 0);
  });

  it('turns become numbers as SplitMix64 has them', () => {
    // The first outputs of SplitMix64 seeded with 0: e220a8397b1dcdaf, 6e789e6aa1b965f4.
    expect(mixTurn(0)).toEqual([0x7b1dcdaf, 0xe220a839]);
    expect(mixTurn(1)).toEqual([0xa1b965f4, 0x6e789e6a]);
  });
});

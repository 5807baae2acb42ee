/** The Internet checksum (RFC 1071), changed as the words under it change (RFC 1624, eqn. 3). */
import { read16 } from './bytes.ts';

/** Adds the carries back in until 16 bits are left; sums below 2^53. */
function fold(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000);
  return folded;
}

/** A checksum after the bytes `before`, an even number of them, have become `after`. */
export function changedChecksum(checksum: number, before: Uint8Array, after: Uint8Array): number {
  let sum = ~checksum & 0xffff;
  for (let at = 0; at < before.length; at += 2) sum += (~read16(before, at) & 0xffff) + read16(after, at);
  return ~fold(sum) & 0xffff;
}

/** The checksum over `bytes`, of which the one in place must be 0; an odd last byte counts as if a 0 followed. */
export function checksumOf(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts)
    for (let at = 0; at < part.length; at += 2) sum += (part[at]! << 8) | (part[at + 1] ?? 0);
  return ~fold(sum) & 0xffff;
}

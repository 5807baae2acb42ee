/** How the contract writes addresses and ports: network byte order, read here as little-endian words. */
import { type Address, addressBytes, addressFromBytes, type Family } from '../../core/address/address.ts';

/** Four words; an IPv4 address fills the first. */
export function addressWords(address: Address): number[] {
  const bytes = new Uint8Array(16);
  bytes.set(addressBytes(address));
  const view = new DataView(bytes.buffer);
  return [0, 4, 8, 12].map((at) => view.getUint32(at, true));
}

/** The address that `addressWords` wrote. */
export function addressFromWords(words: readonly number[], family: Family): Address {
  const view = new DataView(new ArrayBuffer(16));
  words.forEach((word, i) => {
    view.setUint32(4 * i, word, true);
  });
  return addressFromBytes(new Uint8Array(view.buffer, 0, family === 4 ? 4 : 16));
}

/** A port as it stands in the contract, and back: its two bytes swapped. */
export function swapPort(port: number): number {
  return ((port & 0xff) << 8) | (port >> 8);
}

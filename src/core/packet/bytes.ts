/** Bytes of a frame, read and written in network byte order. */

/** Length of an Ethernet header without a VLAN tag, in bytes. */
export const ETHERNET_HEADER = 14;

/** The 16-bit number at `at`. */
export function read16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

/** The 32-bit number at `at`. */
export function read32(bytes: Uint8Array, at: number): number {
  return read16(bytes, at) * 0x10000 + read16(bytes, at + 2);
}

/** Writes a 16-bit number at `at`. */
export function write16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value & 0xff;
}

/** Writes a number modulo 2^32 at `at`. */
export function write32(bytes: Uint8Array, at: number, value: number): void {
  write16(bytes, at, (value >>> 16) & 0xffff);
  write16(bytes, at + 2, value & 0xffff);
}

/** Whether two addresses are the same; of two lengths they never are. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

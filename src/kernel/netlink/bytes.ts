/** What the netlink codec is made of: numbers in host byte order, and results that can be a complaint. */

/** Netlink speaks the machine's own byte order (RFC 3549, section 2.3.2). */
export const LITTLE_ENDIAN: boolean = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Where bytes stopped making sense. */
export interface Malformed {
  /** What was being read, such as `attribute header`. */
  readonly what: string;
  /** Where in the bytes given, from 0. */
  readonly offset: number;
}

/** What a decoder returns: it never throws, whatever the bytes. */
export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: Malformed };

/** A decoded value. */
export function decoded<T>(value: T): Decoded<T> {
  return { ok: true, value };
}

/** A complaint in place of a value. */
export function malformed(what: string, offset: number): Decoded<never> {
  return { ok: false, error: { what, offset } };
}

/** Rounds a length up to a multiple of four, as NLMSG_ALIGN and NLA_ALIGN do. */
export function align(length: number): number {
  return (length + 3) & ~3;
}

/** A view of just these bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Four bytes that hold `value`, 0 – 4,294,967,295. */
export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setUint32(0, value, LITTLE_ENDIAN);
  return bytes;
}

/** The number in the first four bytes; undefined if there are fewer. */
export function readU32(bytes: Uint8Array | undefined): number | undefined {
  return bytes === undefined || bytes.length < 4 ? undefined : viewOf(bytes).getUint32(0, LITTLE_ENDIAN);
}

/** A text with its closing zero, as names travel. */
export function zeroTerminated(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}

/** The text up to the first zero or the end. */
export function readText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

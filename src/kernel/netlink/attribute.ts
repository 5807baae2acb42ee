/** Netlink attributes: struct nlattr, a type, a length and bytes (linux/netlink.h). */
import { align, type Decoded, decoded, LITTLE_ENDIAN, malformed, viewOf } from './bytes.ts';

/** sizeof(struct nlattr). */
const ATTRIBUTE_HEADER = 4;
/** NLA_TYPE_MASK: the upper two bits say "nested" and "network byte order". */
const TYPE_MASK = 0x3fff;

/** One attribute without its padding; at most 65,531 bytes of value. */
export interface Attribute {
  /** 0 – 16,383, the flags in the upper bits removed. */
  readonly type: number;
  readonly value: Uint8Array;
}

/** Attributes one after another, each padded to a multiple of four; a RangeError if a value is too long. */
export function encodeAttributes(attributes: readonly Attribute[]): Uint8Array {
  const total = attributes.reduce((sum, { value }) => sum + align(ATTRIBUTE_HEADER + value.length), 0);
  const bytes = new Uint8Array(total);
  const view = viewOf(bytes);
  let offset = 0;
  for (const { type, value } of attributes) {
    const length = ATTRIBUTE_HEADER + value.length;
    if (length > 0xffff) throw new RangeError(`attribute ${type} of ${value.length} bytes exceeds 65,531`);
    view.setUint16(offset, length, LITTLE_ENDIAN);
    view.setUint16(offset + 2, type, LITTLE_ENDIAN);
    bytes.set(value, offset + ATTRIBUTE_HEADER);
    offset += align(length);
  }
  return bytes;
}

/** The attributes from `start` to the end, in their order; the values are views of `bytes`. */
export function decodeAttributes(bytes: Uint8Array, start: number): Decoded<readonly Attribute[]> {
  const view = viewOf(bytes);
  const attributes: Attribute[] = [];
  for (let offset = start; offset < bytes.length; ) {
    if (bytes.length - offset < ATTRIBUTE_HEADER) return malformed('attribute header', offset);
    const length = view.getUint16(offset, LITTLE_ENDIAN);
    if (length < ATTRIBUTE_HEADER || length > bytes.length - offset) {
      return malformed('attribute length', offset);
    }
    attributes.push({
      type: view.getUint16(offset + 2, LITTLE_ENDIAN) & TYPE_MASK,
      value: bytes.subarray(offset + ATTRIBUTE_HEADER, offset + length),
    });
    offset += Math.min(align(length), bytes.length - offset);
  }
  return decoded(attributes);
}

/** The value of the last attribute of a type, as the kernel's own parser takes it; undefined if there is none. */
export function attributeValue(attributes: readonly Attribute[], type: number): Uint8Array | undefined {
  return attributes.findLast((attribute) => attribute.type === type)?.value;
}

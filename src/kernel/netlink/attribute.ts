/** Netlink attributes: struct nlattr, a type, a length and bytes (linux/netlink.h). */
import { align, type Decoded, decoded, LITTLE_ENDIAN, type Malformed, malformed, viewOf } from './bytes.ts';

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

/** Writes attributes into bytes of a length known beforehand: for messages of which there are many. */
export class AttributeWriter {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  #at = 0;

  /** Room for values of these lengths. */
  constructor(lengths: readonly number[]) {
    let room = 0;
    for (const length of lengths) room += align(ATTRIBUTE_HEADER + length);
    this.bytes = new Uint8Array(room);
    this.view = viewOf(this.bytes);
  }

  /** Begins the next attribute, in the order of the lengths; returns where its value is to be written. */
  begin(type: number, length: number): number {
    const at = this.#at;
    this.view.setUint16(at, ATTRIBUTE_HEADER + length, LITTLE_ENDIAN);
    this.view.setUint16(at + 2, type, LITTLE_ENDIAN);
    this.#at += align(ATTRIBUTE_HEADER + length);
    return at + ATTRIBUTE_HEADER;
  }

  /** A number of 16 bits in the machine's order. */
  u16(type: number, value: number): void {
    this.view.setUint16(this.begin(type, 2), value, LITTLE_ENDIAN);
  }

  /** One of 16 bits in network byte order. */
  be16(type: number, value: number): void {
    this.view.setUint16(this.begin(type, 2), value);
  }

  /** One of 32 bits in the machine's order. */
  u32(type: number, value: number): void {
    this.view.setUint32(this.begin(type, 4), value, LITTLE_ENDIAN);
  }
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

/**
 * Whether all between two places of `view` is attributes; else where it makes no sense. With `findAttribute` it reads a
 * message of many attributes without making an object of any of them.
 */
export function checkAttributes(view: DataView, start: number, end: number): Malformed | undefined {
  for (let offset = start; offset < end; ) {
    if (end - offset < ATTRIBUTE_HEADER) return { what: 'attribute header', offset };
    const length = view.getUint16(offset, LITTLE_ENDIAN);
    if (length < ATTRIBUTE_HEADER || length > end - offset) return { what: 'attribute length', offset };
    offset += align(length);
  }
  return undefined;
}

/** Where the value of the last attribute of a type begins, between two places that `checkAttributes` has passed; -1 if there is none. */
export function findAttribute(view: DataView, start: number, end: number, type: number): number {
  let found = -1;
  for (let offset = start; offset < end; offset += align(view.getUint16(offset, LITTLE_ENDIAN)))
    if ((view.getUint16(offset + 2, LITTLE_ENDIAN) & TYPE_MASK) === type) found = offset + ATTRIBUTE_HEADER;
  return found;
}

/** The length of the value that begins there. */
export const attributeLength = (view: DataView, at: number): number =>
  view.getUint16(at - ATTRIBUTE_HEADER, LITTLE_ENDIAN) - ATTRIBUTE_HEADER;

/** The value of the last attribute of a type, as the kernel's own parser takes it; undefined if there is none. */
export function attributeValue(attributes: readonly Attribute[], type: number): Uint8Array | undefined {
  return attributes.findLast((attribute) => attribute.type === type)?.value;
}

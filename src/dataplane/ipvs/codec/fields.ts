/** Values of attributes: numbers of a width, addresses, texts; and attributes read as a record of complaints. */
import { type Address, addressBytes, addressFromBytes, type Family } from '../../../core/address/address.ts';
import { attributeLength, checkAttributes, findAttribute } from '../../../kernel/netlink/attribute.ts';
import { type Decoded, LITTLE_ENDIAN, malformed, readText, viewOf } from '../../../kernel/netlink/bytes.ts';
import { AF_INET, AF_INET6 } from './numbers.ts';

/** Two bytes in the machine's order. */
export function u16(value: number): Uint8Array {
  const bytes = new Uint8Array(2);
  viewOf(bytes).setUint16(0, value, LITTLE_ENDIAN);
  return bytes;
}

/** Two bytes in network byte order. */
export const be16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 0xff);

/** The number of an address family. */
export const afOf = (family: Family): number => (family === 4 ? AF_INET : AF_INET6);

/** An address as union nf_inet_addr: always 16 bytes, of which IPv4 has the first four. */
export function paddedAddress(address: Address): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set(addressBytes(address));
  return bytes;
}

/** Attributes that are being read; what is missing, too short or out of its range is a `Complaint`, thrown inside the codec alone. */
export class Complaint {
  readonly what: string;
  /** Where in the bytes of the message, if that is known. */
  readonly offset: number;
  constructor(what: string, offset = 0) {
    this.what = what;
    this.offset = offset;
  }
}

/**
 * The attributes of one value. Values that are longer than they need be are read as far as they are known, as the kernel does.
 * They are looked for where they lie: a table has a hundred thousand servers of thirty attributes each.
 */
export class Fields {
  readonly #view: DataView;
  readonly #start: number;
  readonly #end: number;

  /** Of what lies between two places of `view`; a Complaint where that is no attributes. */
  constructor(view: DataView, start: number, end: number) {
    const wrong = checkAttributes(view, start, end);
    if (wrong !== undefined) throw new Complaint(wrong.what, wrong.offset);
    this.#view = view;
    this.#start = start;
    this.#end = end;
  }

  has(type: number): boolean {
    return findAttribute(this.#view, this.#start, this.#end, type) >= 0;
  }

  /** A number of 8, 16 or 32 bits in the machine's order, by its length in bytes. */
  number(type: number, bytes: 1 | 2 | 4, what: string): number {
    return this.#numberAt(this.#at(type, bytes, what), bytes);
  }

  /** The same, or `otherwise` where it is absent. */
  numberOr(type: number, bytes: 1 | 2 | 4, what: string, otherwise: number): number {
    return this.has(type) ? this.number(type, bytes, what) : otherwise;
  }

  /** A number of 64 bits, or of 32 where the attribute has no more; 0 where it is absent. */
  wideOr0(type: number, what: string): bigint {
    if (!this.has(type)) return 0n;
    const at = this.#at(type, 4, what);
    if (attributeLength(this.#view, at) < 8) return BigInt(this.#view.getUint32(at, LITTLE_ENDIAN));
    return this.#view.getBigUint64(at, LITTLE_ENDIAN);
  }

  /** 16 bits in network byte order. */
  port(type: number, what: string): number {
    return this.#view.getUint16(this.#at(type, 2, what));
  }

  address(type: number, family: Family, what: string): Address {
    const at = this.#at(type, family === 4 ? 4 : 16, what);
    if (family === 6) return addressFromBytes(this.#bytesAt(at, 16));
    const view = this.#view;
    return `${view.getUint8(at)}.${view.getUint8(at + 1)}.${view.getUint8(at + 2)}.${view.getUint8(at + 3)}` as Address;
  }

  text(type: number, what: string): string {
    return readText(this.bytes(type, 0, what));
  }

  bytes(type: number, least: number, what: string): Uint8Array {
    const at = this.#at(type, least, what);
    return this.#bytesAt(at, attributeLength(this.#view, at));
  }

  /** The attributes inside one of them. */
  inside(type: number, what: string): Fields {
    const at = this.#at(type, 0, what);
    return new Fields(this.#view, at, at + attributeLength(this.#view, at));
  }

  #at(type: number, least: number, what: string): number {
    const at = findAttribute(this.#view, this.#start, this.#end, type);
    if (at < 0 || attributeLength(this.#view, at) < least) throw new Complaint(what);
    return at;
  }

  #numberAt(at: number, bytes: 1 | 2 | 4): number {
    if (bytes === 1) return this.#view.getUint8(at);
    return bytes === 2 ? this.#view.getUint16(at, LITTLE_ENDIAN) : this.#view.getUint32(at, LITTLE_ENDIAN);
  }

  #bytesAt(at: number, length: number): Uint8Array {
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + at, length);
  }
}

/** Reads a value from attributes; a `Complaint` of `read` becomes one of the result. */
export function readFields<T>(attributes: Uint8Array, read: (fields: Fields) => T): Decoded<T> {
  try {
    return { ok: true, value: read(new Fields(viewOf(attributes), 0, attributes.length)) };
  } catch (error) {
    if (error instanceof Complaint) return malformed(error.what, error.offset);
    throw error;
  }
}

/** Reads a value whose attributes are inside one of the message's. */
export function readNested<T>(
  attributes: Uint8Array,
  type: number,
  what: string,
  read: (fields: Fields) => T,
): Decoded<T> {
  return readFields(attributes, (outer) => read(outer.inside(type, what)));
}

/** The family by its number. */
export function familyFrom(af: number): Family {
  if (af === AF_INET) return 4;
  if (af === AF_INET6) return 6;
  throw new Complaint(`address family ${af}`);
}

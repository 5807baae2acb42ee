/** Values of attributes: numbers of a width, addresses, texts; and attributes read as a record of complaints. */
import { type Address, addressBytes, addressFromBytes, type Family } from '../../../core/address/address.ts';
import { type Attribute, decodeAttributes } from '../../../kernel/netlink/attribute.ts';
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
  constructor(what: string) {
    this.what = what;
  }
}

/** The attributes of one value. Values that are longer than they need be are read as far as they are known, as the kernel does. */
export interface Fields {
  readonly has: (type: number) => boolean;
  /** A number of 8, 16 or 32 bits in the machine's order, by its length in bytes. */
  readonly number: (type: number, bytes: 1 | 2 | 4, what: string) => number;
  /** The same, or `otherwise` where it is absent. */
  readonly numberOr: (type: number, bytes: 1 | 2 | 4, what: string, otherwise: number) => number;
  /** 16 bits in network byte order. */
  readonly port: (type: number, what: string) => number;
  readonly address: (type: number, family: Family, what: string) => Address;
  readonly text: (type: number, what: string) => string;
  readonly bytes: (type: number, least: number, what: string) => Uint8Array;
}

function fieldsOf(attributes: readonly Attribute[]): Fields {
  // By type, the last one counting as for `attributeValue`: a table of thousands of services is read every few seconds.
  const values = new Map<number, Uint8Array>();
  for (const { type, value } of attributes) values.set(type, value);
  const has = (type: number) => values.has(type);
  const bytes = (type: number, least: number, what: string): Uint8Array => {
    const value = values.get(type);
    if (value === undefined || value.length < least) throw new Complaint(what);
    return value;
  };
  const number = (type: number, length: 1 | 2 | 4, what: string): number => {
    const view = viewOf(bytes(type, length, what));
    if (length === 1) return view.getUint8(0);
    return length === 2 ? view.getUint16(0, LITTLE_ENDIAN) : view.getUint32(0, LITTLE_ENDIAN);
  };
  return {
    has,
    bytes,
    number,
    numberOr: (type, length, what, otherwise) => (has(type) ? number(type, length, what) : otherwise),
    port: (type, what) => viewOf(bytes(type, 2, what)).getUint16(0),
    address: (type, family, what) => {
      const length = family === 4 ? 4 : 16;
      return addressFromBytes(bytes(type, length, what).subarray(0, length));
    },
    text: (type, what) => readText(bytes(type, 0, what)),
  };
}

/** Reads a value from attributes; a `Complaint` of `read` becomes one of the result. */
export function readFields<T>(attributes: Uint8Array, read: (fields: Fields) => T): Decoded<T> {
  const found = decodeAttributes(attributes, 0);
  if (!found.ok) return found;
  try {
    return { ok: true, value: read(fieldsOf(found.value)) };
  } catch (error) {
    if (error instanceof Complaint) return malformed(error.what, 0);
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
  const outer = readFields(attributes, (fields) => fields.bytes(type, 0, what));
  return outer.ok ? readFields(outer.value, read) : outer;
}

/** Reads a value from attributes inside others, within a reading: its complaint becomes the outer one's. */
export function readInside<T>(attributes: Uint8Array, read: (fields: Fields) => T): T {
  const inner = readFields(attributes, read);
  if (!inner.ok) throw new Complaint(inner.error.what);
  return inner.value;
}

/** The family by its number. */
export function familyFrom(af: number): Family {
  if (af === AF_INET) return 4;
  if (af === AF_INET6) return 6;
  throw new Complaint(`address family ${af}`);
}

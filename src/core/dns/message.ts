/**
 * As much of DNS's messages as a health check needs (RFC 1035, 4): one question, and what its answer says. Names in answers
 * are stepped over and never followed, so that compression leads nowhere.
 */
import { type Address, addressFromBytes } from '../address/address.ts';

const HEADER = 12;
const CLASS_IN = 1;
const FLAG_RESPONSE = 0x8000;
const FLAG_RECURSION_DESIRED = 0x0100;
/** RFC 1035, 2.3.4. */
const MAX_LABEL = 63;
const MAX_NAME = 255;
const TYPE_A = 1;
const TYPE_AAAA = 28;

/** A question; `.` is the root. The name is ASCII. */
export interface DnsQuestion {
  /** 0 – 65,535. */
  readonly id: number;
  readonly name: string;
  /** The record's number. */
  readonly type: number;
}

/** What an answer says. */
export interface DnsAnswer {
  /** The result, 0 – 15. */
  readonly rcode: number;
  /** How many of its records are of the kind that was asked for. */
  readonly records: number;
  /** The addresses in its A and AAAA records. */
  readonly addresses: readonly Address[];
}

/** True for a name that a question can have: labels of 1 – 63 characters, 253 in all, or the root. */
export function isDnsName(name: string): boolean {
  if (name === '.') return true;
  const labels = name.split('.');
  return (
    /^[\x21-\x7e]+$/.test(name) &&
    name.length <= MAX_NAME - 2 &&
    labels.every((label) => label.length > 0 && label.length <= MAX_LABEL)
  );
}

/** The question as it is sent, with recursion desired. */
export function encodeQuestion({ id, name, type }: DnsQuestion): Uint8Array {
  const labels = name === '.' ? [] : name.split('.');
  const bytes: number[] = [id >> 8, id & 0xff, FLAG_RECURSION_DESIRED >> 8, 0, 0, 1, 0, 0, 0, 0, 0, 0];
  for (const label of labels) {
    bytes.push(label.length);
    for (let i = 0; i < label.length; i++) bytes.push(label.charCodeAt(i));
  }
  bytes.push(0, type >> 8, type & 0xff, 0, CLASS_IN);
  return Uint8Array.from(bytes);
}

/**
 * What `message` says in answer to the question. Undefined when it is no answer to it (another id or question: not for us), and
 * `broken` when it is one, but not as RFC 1035 has it.
 */
export function readAnswer(message: Uint8Array, question: DnsQuestion): DnsAnswer | 'broken' | undefined {
  if (message.length < HEADER) return undefined;
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const flags = view.getUint16(2);
  if (view.getUint16(0) !== question.id || (flags & FLAG_RESPONSE) === 0) return undefined;
  const rcode = flags & 0xf;
  const asked = encodeQuestion(question).subarray(HEADER);
  // A server that cannot read a question need not repeat it.
  if (view.getUint16(4) === 0) return rcode === 0 ? 'broken' : { rcode, records: 0, addresses: [] };
  const repeated = message.subarray(HEADER, HEADER + asked.length);
  if (view.getUint16(4) !== 1 || !sameQuestion(repeated, asked)) return undefined;
  let at = HEADER + asked.length;
  let records = 0;
  const addresses: Address[] = [];
  for (let left = view.getUint16(6); left > 0; left--) {
    const fixed = afterName(message, at);
    if (fixed === undefined || fixed + 10 > message.length) return 'broken';
    const [type, kind, length] = [
      view.getUint16(fixed),
      view.getUint16(fixed + 2),
      view.getUint16(fixed + 8),
    ];
    const data = message.subarray(fixed + 10, fixed + 10 + length);
    if (data.length < length) return 'broken';
    at = fixed + 10 + length;
    if (kind !== CLASS_IN) continue;
    if (type === question.type) records++;
    if ((type === TYPE_A && length === 4) || (type === TYPE_AAAA && length === 16))
      addresses.push(addressFromBytes(data));
  }
  return { rcode, records, addresses };
}

/** Upper and lower case are the same in names (RFC 4343). */
function sameQuestion(one: Uint8Array, other: Uint8Array): boolean {
  const lower = (byte: number) => (byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte);
  return one.length === other.length && one.every((byte, i) => lower(byte) === lower(other[i]!));
}

/** Where a name ends that begins `at`: with the root, or with a pointer, which is not followed. */
function afterName(message: Uint8Array, at: number): number | undefined {
  for (let from = at; from < message.length; ) {
    const length = message[from]!;
    if (length === 0) return from + 1;
    if (length >= 0xc0) return from + 2;
    if (length > MAX_LABEL) return undefined;
    from += length + 1;
  }
  return undefined;
}

/** Netlink messages: struct nlmsghdr and what follows it (RFC 3549, section 2.3.2; linux/netlink.h). */
import { align, type Decoded, decoded, LITTLE_ENDIAN, malformed, viewOf } from './bytes.ts';

/** Message types below 0x10 are netlink's own. */
export const NLMSG_NOOP = 1;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

export const NLM_F_REQUEST = 0x01;
export const NLM_F_MULTI = 0x02;
export const NLM_F_ACK = 0x04;
/** The dump was disturbed by a change and may be inconsistent: ask again. */
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_DUMP = 0x300;
/** In a request that makes something: fail with EEXIST if it is there. */
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;

/** sizeof(struct nlmsghdr). */
export const HEADER_LENGTH = 16;

/** One message without its padding. */
export interface Message {
  /** 0 – 65,535. */
  readonly type: number;
  /** NLM_F_* bits, 0 – 65,535. */
  readonly flags: number;
  /** Sequence number that answers carry back, 0 – 4,294,967,295. */
  readonly sequence: number;
  /** The port of the sender, 0 for the kernel. */
  readonly port: number;
  readonly payload: Uint8Array;
}

/** A message as bytes, padded to a multiple of four. */
export const encodeMessage = (message: Message): Uint8Array => encodeMessages([message]);

/** Messages one after another, as one datagram; each is padded to a multiple of four. */
export function encodeMessages(messages: readonly Message[]): Uint8Array {
  let room = 0;
  for (const { payload } of messages) room += align(HEADER_LENGTH + payload.length);
  const bytes = new Uint8Array(room);
  const view = viewOf(bytes);
  let at = 0;
  for (const { type, flags, sequence, port, payload } of messages) {
    const length = HEADER_LENGTH + payload.length;
    view.setUint32(at, length, LITTLE_ENDIAN);
    view.setUint16(at + 4, type, LITTLE_ENDIAN);
    view.setUint16(at + 6, flags, LITTLE_ENDIAN);
    view.setUint32(at + 8, sequence, LITTLE_ENDIAN);
    view.setUint32(at + 12, port, LITTLE_ENDIAN);
    bytes.set(payload, at + HEADER_LENGTH);
    at += align(length);
  }
  return bytes;
}

/** All messages of a datagram; the payloads are views of `bytes`. The padding after the last one may be missing. */
export function decodeMessages(bytes: Uint8Array): Decoded<readonly Message[]> {
  const view = viewOf(bytes);
  const messages: Message[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    if (bytes.length - offset < HEADER_LENGTH) return malformed('message header', offset);
    const length = view.getUint32(offset, LITTLE_ENDIAN);
    if (length < HEADER_LENGTH || length > bytes.length - offset) return malformed('message length', offset);
    messages.push({
      type: view.getUint16(offset + 4, LITTLE_ENDIAN),
      flags: view.getUint16(offset + 6, LITTLE_ENDIAN),
      sequence: view.getUint32(offset + 8, LITTLE_ENDIAN),
      port: view.getUint32(offset + 12, LITTLE_ENDIAN),
      payload: bytes.subarray(offset + HEADER_LENGTH, offset + length),
    });
    offset += Math.min(align(length), bytes.length - offset);
  }
  return decoded(messages);
}

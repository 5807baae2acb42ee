/** What the kernel says at the end of an exchange: NLMSG_ERROR and NLMSG_DONE (linux/netlink.h). */
import { KernelError } from '../errors.ts';
import { attributeValue, decodeAttributes } from './attribute.ts';
import {
  align,
  type Decoded,
  decoded,
  LITTLE_ENDIAN,
  type Malformed,
  malformed,
  readText,
  viewOf,
} from './bytes.ts';
import { HEADER_LENGTH, type Message } from './message.ts';

/** In NLMSG_ERROR: the request is not repeated, only its header. */
const NLM_F_CAPPED = 0x100;
/** In NLMSG_ERROR: attributes follow that say more. */
const NLM_F_ACK_TLVS = 0x200;
const NLMSGERR_ATTR_MSG = 1;

/** An acknowledgement (errno 0) or a refusal. */
export interface Acknowledgement {
  /** Positive errno, or 0 when all went well. */
  readonly errno: number;
  /** A sentence that says more, mostly the kernel's own. */
  readonly text?: string;
}

/** Reads struct nlmsgerr; the kernel's sentence is left out where it cannot be read. */
export function decodeAcknowledgement(message: Message): Decoded<Acknowledgement> {
  const { payload, flags } = message;
  if (payload.length < 4 + HEADER_LENGTH) return malformed('acknowledgement', 0);
  const view = viewOf(payload);
  const errno = Math.abs(view.getInt32(0, LITTLE_ENDIAN));
  if ((flags & NLM_F_ACK_TLVS) === 0) return decoded({ errno });
  const request = (flags & NLM_F_CAPPED) !== 0 ? HEADER_LENGTH : view.getUint32(4, LITTLE_ENDIAN);
  const attributes = decodeAttributes(payload, 4 + align(request));
  const text = attributes.ok ? attributeValue(attributes.value, NLMSGERR_ATTR_MSG) : undefined;
  return decoded(text === undefined ? { errno } : { errno, text: readText(text) });
}

/** How a dump ended: NLMSG_DONE may carry an errno; without one all went well. */
export function decodeDone(message: Message): Acknowledgement {
  const { payload } = message;
  return { errno: payload.length < 4 ? 0 : Math.abs(viewOf(payload).getInt32(0, LITTLE_ENDIAN)) };
}

/** The kernel refused a netlink request. */
export class NetlinkError extends KernelError {
  override readonly name = 'NetlinkError';
  /** What was asked for, in words: `add 203.0.113.100/24 to eth0`. */
  readonly asked: string;

  constructor(asked: string, { errno, text }: Acknowledgement) {
    super(`netlink: ${asked}`, errno, text);
    this.asked = asked;
  }
}

/** The kernel's answer is not netlink as we know it; a newer kernel, or a fault of ours. */
export class NetlinkFormatError extends Error {
  override readonly name = 'NetlinkFormatError';

  constructor(asked: string, { what, offset }: Malformed) {
    super(`netlink: ${asked}: the answer makes no sense at byte ${offset} (${what})`);
  }
}

/** The decoded value; throws a `NetlinkFormatError` in place of a complaint. */
export function unwrap<T>(asked: string, result: Decoded<T>): T {
  if (!result.ok) throw new NetlinkFormatError(asked, result.error);
  return result.value;
}

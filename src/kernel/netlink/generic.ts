/** Generic netlink: families found by name, commands with attributes (linux/genetlink.h; genetlink in the kernel's documentation). */
import { libc } from '../libc.ts';
import { NetlinkError, unwrap } from './answer.ts';
import { attributeValue, decodeAttributes, encodeAttributes } from './attribute.ts';
import { type Decoded, decoded, LITTLE_ENDIAN, malformed, viewOf, zeroTerminated } from './bytes.ts';
import type { Message } from './message.ts';
import { NETLINK_GENERIC, NetlinkSocket, type SocketCalls } from './socket.ts';

/** The family that knows the others: GENL_ID_CTRL, its command and attributes. */
const GENL_ID_CTRL = 0x10;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;
/** sizeof(struct genlmsghdr): u8 command, u8 version, u16 reserved. */
const GENERIC_HEADER = 4;
const ENOENT = 2;

/** A message of a family, without its headers. */
export interface GenericMessage {
  /** 0 – 255. */
  readonly command: number;
  /** The attributes as bytes. */
  readonly attributes: Uint8Array;
}

/** A request: what is asked in words, for errors; a command; the attributes as bytes. */
export interface GenericRequest extends GenericMessage {
  readonly asked: string;
}

/** The payload of a netlink message: the header of generic netlink, and the attributes. */
export function encodeGeneric({ command, attributes }: GenericMessage, version = 1): Uint8Array {
  const payload = new Uint8Array(GENERIC_HEADER + attributes.length);
  payload[0] = command;
  payload[1] = version;
  payload.set(attributes, GENERIC_HEADER);
  return payload;
}

/** Reads such a payload; the attributes are a view of it. */
export function decodeGeneric({ payload }: Pick<Message, 'payload'>): Decoded<GenericMessage> {
  if (payload.length < GENERIC_HEADER) return malformed('struct genlmsghdr', 0);
  return decoded({ command: payload[0]!, attributes: payload.subarray(GENERIC_HEADER) });
}

/** Reads the number of a family from what CTRL_CMD_GETFAMILY answers. */
export function decodeFamily(message: Pick<Message, 'payload'>): Decoded<number> {
  const attributes = decodeAttributes(message.payload, GENERIC_HEADER);
  if (!attributes.ok) return attributes;
  const id = attributeValue(attributes.value, CTRL_ATTR_FAMILY_ID);
  if (id === undefined || id.length < 2) return malformed('number of the family', 0);
  return decoded(viewOf(id).getUint16(0, LITTLE_ENDIAN));
}

/** A socket to one family of generic netlink, in the network namespace of the calling thread. */
export class GenericSocket {
  readonly #socket: NetlinkSocket;
  readonly #family: number;

  /** Finds the family by its name; throws a `NetlinkError` with ENOENT where the kernel has none of that name. */
  constructor(name: string, library: SocketCalls = libc()) {
    this.#socket = new NetlinkSocket(library, NETLINK_GENERIC);
    try {
      this.#family = this.#find(name);
    } catch (error) {
      this.#socket.close();
      throw error;
    }
  }

  /** Makes a change; returns when it is made, and throws a `NetlinkError` if the kernel refuses. */
  change(request: GenericRequest): void {
    this.#socket.change(this.#request(request));
  }

  /** Makes changes in order, many with one call; returns what the kernel refused, by the places of the requests. */
  changes(requests: readonly GenericRequest[]): ReadonlyMap<number, NetlinkError> {
    return this.#socket.changes(requests.map((request) => this.#request(request)));
  }

  /** The one answer to a question; a `NetlinkError` if the kernel refuses, or says nothing (ENOENT). */
  ask(request: GenericRequest): GenericMessage {
    const [message] = this.#socket.ask(this.#request(request));
    if (message === undefined) throw new NetlinkError(request.asked, { errno: ENOENT, text: 'no answer' });
    return unwrap(request.asked, decodeGeneric(message));
  }

  /** All that a listing says. */
  dump(request: GenericRequest): readonly GenericMessage[] {
    return this.#socket
      .dump(this.#request(request))
      .map((message) => unwrap(request.asked, decodeGeneric(message)));
  }

  close(): void {
    this.#socket.close();
  }

  #request(request: GenericRequest) {
    return {
      get asked() {
        return request.asked;
      },
      type: this.#family,
      payload: encodeGeneric(request),
    };
  }

  #find(name: string): number {
    const asked = `find the generic netlink family ${name}`;
    const attributes = encodeAttributes([{ type: CTRL_ATTR_FAMILY_NAME, value: zeroTerminated(name) }]);
    const payload = encodeGeneric({ command: CTRL_CMD_GETFAMILY, attributes });
    const [message] = this.#socket.ask({ asked, type: GENL_ID_CTRL, payload });
    if (message === undefined) throw new NetlinkError(asked, { errno: ENOENT, text: 'no answer' });
    return unwrap(asked, decodeFamily(message));
  }
}

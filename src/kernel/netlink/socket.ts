/** A socket to the kernel's netlink, rtnetlink unless told otherwise: one request, then its answer, in the calling thread (microseconds each). */
import { KernelError } from '../errors.ts';
import { type Libc, libc } from '../libc.ts';
import { type Acknowledgement, decodeAcknowledgement, decodeDone, NetlinkError, unwrap } from './answer.ts';
import { u32 } from './bytes.ts';
import {
  decodeMessages,
  encodeMessage,
  encodeMessages,
  type Message,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
} from './message.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
/** Programs that we start must not inherit the descriptor. */
const SOCK_CLOEXEC = 0o2000000;
const NETLINK_ROUTE = 0;
/** The protocol on which families are told apart by numbers that the kernel gives them when they are loaded. */
export const NETLINK_GENERIC = 16;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SOL_NETLINK = 270;
/** NETLINK_CAP_ACK and NETLINK_EXT_ACK: short refusals, with a sentence that says why. */
const ACKNOWLEDGEMENT_OPTIONS = [10, 11];
const MSG_PEEK = 0x02;
const MSG_TRUNC = 0x20;

/** The kernel answers at once; longer than this only if something is badly wrong. */
const RECEIVE_TIMEOUT_S = 5n;
/** A dump that changes run into is asked again this often before it is given up. */
const DUMP_ATTEMPTS = 20;
/** So many refusals, of some hundred bytes each, have room in the socket's buffer. */
const CHANGES_AT_ONCE = 64;
const EBUSY = 16;
const EMSGSIZE = 90;
const ETIMEDOUT = 110;

/** What is asked of the kernel. */
export interface Request {
  /** In words, for errors: `list links`. */
  readonly asked: string;
  /** RTM_* number, or that of a generic family. */
  readonly type: number;
  /** NLM_F_* bits besides REQUEST, ACK and DUMP. */
  readonly flags?: number;
  readonly payload: Uint8Array;
}

/** What a netlink socket needs of the C library. */
export type SocketCalls = Pick<Libc, 'socket' | 'setsockopt' | 'getsockopt' | 'send' | 'recv' | 'close'>;

/** A socket to rtnetlink, or to another protocol of netlink, in the network namespace of the calling thread. */
export class NetlinkSocket {
  readonly #libc: SocketCalls;
  readonly #fd: number;
  /** Generic netlink sends no datagram that has no room in the buffer (a listing's have 32 KiB at most), so its length need not be asked first. */
  readonly #peeks: boolean;
  #sequence = 0;
  #buffer = new Uint8Array(65_536);

  /** Opens the socket through the given C library; throws a `KernelError` where the kernel refuses. */
  constructor(library: SocketCalls = libc(), protocol: number = NETLINK_ROUTE) {
    this.#libc = library;
    this.#peeks = protocol !== NETLINK_GENERIC;
    this.#fd = this.#libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    for (const option of ACKNOWLEDGEMENT_OPTIONS)
      this.#libc.setsockopt(this.#fd, SOL_NETLINK, option, u32(1));
    // struct timeval of a 64-bit kernel: two longs, seconds and microseconds.
    const timeout = new Uint8Array(new BigInt64Array([RECEIVE_TIMEOUT_S, 0n]).buffer);
    this.#libc.setsockopt(this.#fd, SOL_SOCKET, SO_RCVTIMEO, timeout);
  }

  /** Makes a change; returns when the kernel has acknowledged it, and throws a `NetlinkError` if it refuses. */
  change(request: Request): void {
    this.ask(request);
  }

  /**
   * Makes changes in order, many with one call; returns what the kernel refused, by the places of the requests. A refusal
   * keeps none of the later ones from being made.
   */
  changes(requests: readonly Request[]): ReadonlyMap<number, NetlinkError> {
    const refused = new Map<number, NetlinkError>();
    for (let first = 0; first < requests.length; first += CHANGES_AT_ONCE)
      this.#changeSome(requests.slice(first, first + CHANGES_AT_ONCE), (i, error) =>
        refused.set(first + i, error),
      );
    return refused;
  }

  /** What the kernel says before it acknowledges the request; throws a `NetlinkError` if it refuses. */
  ask(request: Request): readonly Message[] {
    const sequence = this.#send(request, NLM_F_ACK);
    const said: Message[] = [];
    for (;;) {
      for (const message of this.#receive(request.asked, sequence)) {
        if (message.type !== NLMSG_ERROR) {
          said.push(message);
          continue;
        }
        refuse(request.asked, unwrap(request.asked, decodeAcknowledgement(message)));
        return said;
      }
    }
  }

  /** All messages of a consistent dump; asks again when changes ran into it, and gives up with EBUSY after 20 attempts. */
  dump(request: Request): readonly Message[] {
    for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
      const messages = this.#dumpOnce(request);
      if (messages !== undefined) return messages;
    }
    throw new NetlinkError(request.asked, { errno: EBUSY, text: 'changes kept running into the listing' });
  }

  close(): void {
    this.#libc.close(this.#fd);
  }

  /** Undefined when the dump was interrupted by a change. It is read to its end even then, or its rest would answer the next request. */
  #dumpOnce(request: Request): readonly Message[] | undefined {
    const sequence = this.#send(request, NLM_F_DUMP);
    const found: Message[] = [];
    let interrupted = false;
    for (;;) {
      for (const message of this.#receive(request.asked, sequence)) {
        interrupted ||= (message.flags & NLM_F_DUMP_INTR) !== 0;
        if (message.type === NLMSG_ERROR) {
          refuse(request.asked, unwrap(request.asked, decodeAcknowledgement(message)));
        } else if (message.type === NLMSG_DONE) {
          refuse(request.asked, decodeDone(message));
          return interrupted ? undefined : found;
        } else found.push(message);
      }
    }
  }

  /** One datagram. Only the last request is acknowledged; a refusal is told of any. */
  #changeSome(requests: readonly Request[], refuse: (place: number, error: NetlinkError) => void): void {
    const first = this.#sequence + 1;
    const last = first + requests.length - 1;
    const messages = requests.map(({ type, payload, flags = 0 }, i) => ({
      type,
      flags: NLM_F_REQUEST | flags | (first + i === last ? NLM_F_ACK : 0),
      sequence: first + i,
      port: 0,
      payload,
    }));
    this.#sequence = last;
    this.#libc.send(this.#fd, encodeMessages(messages), 0);
    const { asked } = requests.at(-1)!;
    for (let isOver = false; !isOver; )
      for (const message of this.#receiveAny(asked)) {
        if (message.type !== NLMSG_ERROR || message.sequence < first) continue;
        const place = message.sequence - first;
        const acknowledgement = unwrap(asked, decodeAcknowledgement(message));
        if (acknowledgement.errno !== 0)
          refuse(place, new NetlinkError(requests[place]!.asked, acknowledgement));
        isOver ||= message.sequence === last;
      }
  }

  #send(request: Request, flags: number): number {
    this.#sequence += 1;
    const message = {
      type: request.type,
      flags: NLM_F_REQUEST | flags | (request.flags ?? 0),
      sequence: this.#sequence,
      port: 0,
      payload: request.payload,
    };
    this.#libc.send(this.#fd, encodeMessage(message), 0);
    return this.#sequence;
  }

  /** The messages of the next datagram that answer request `sequence`. */
  #receive(asked: string, sequence: number): readonly Message[] {
    return this.#receiveAny(asked).filter((message) => message.sequence === sequence);
  }

  /** The messages of the next datagram, of which nothing is cut off. */
  #receiveAny(asked: string): readonly Message[] {
    if (this.#peeks) {
      const length = this.#recv(asked, this.#buffer.subarray(0, 0), MSG_PEEK | MSG_TRUNC);
      if (length > this.#buffer.length) this.#buffer = new Uint8Array(length);
    }
    const received = this.#recv(asked, this.#buffer, MSG_TRUNC);
    if (received > this.#buffer.length)
      throw new NetlinkError(asked, { errno: EMSGSIZE, text: `an answer of ${received} bytes in one piece` });
    return unwrap(asked, decodeMessages(this.#buffer.slice(0, received)));
  }

  #recv(asked: string, into: Uint8Array, flags: number): number {
    try {
      return this.#libc.recv(this.#fd, into, flags);
    } catch (error) {
      if (!(error instanceof KernelError) || error.code !== 'EAGAIN') throw error;
      throw new NetlinkError(asked, { errno: ETIMEDOUT, text: `nothing within ${RECEIVE_TIMEOUT_S} s` });
    }
  }
}

function refuse(asked: string, acknowledgement: Acknowledgement): void {
  if (acknowledgement.errno !== 0) throw new NetlinkError(asked, acknowledgement);
}

/** Opens a socket for the time of `use`. */
export function withNetlink<T>(use: (socket: NetlinkSocket) => T): T {
  const socket = new NetlinkSocket();
  try {
    return use(socket);
  } finally {
    socket.close();
  }
}

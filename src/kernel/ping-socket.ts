/**
 * A socket that pings: raw where the process has CAP_NET_RAW (raw(7)), else a datagram socket of ICMP (icmp(7),
 * ping_group_range). What it hears is the same either way: replies, and errors with what they repeat of a request.
 */
import { randomInt } from 'node:crypto';
import { type Address, addressFromBytes, type Family, parseAddress } from '../core/address/address.ts';
import {
  ECHO_TYPES,
  type Echo,
  type EchoAnswer,
  encodeEcho,
  errorText,
  readEchoAnswer,
  readRequest,
} from '../core/icmp/echo.ts';
import { socketAddress } from './connector.ts';
import type { KernelError } from './errors.ts';
import type { Libc } from './libc.ts';

const AF = { 4: 2, 6: 10 } as const;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
/** Programs that we start must not inherit the descriptor. */
const SOCK_CLOEXEC = 0o2000000;
const PROTOCOL = { 4: 1, 6: 58 } as const;
const SOL_SOCKET = 1;
const SO_ERROR = 4;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
/** raw(7): a bit for each type that is not to be heard. */
const [SOL_RAW, ICMP_FILTER] = [255, 1];
/** include/uapi/linux/icmpv6.h: as above, for 256 types. */
const ICMPV6_FILTER = 1;
/** ip(7), ipv6(7): errors are queued, each with what it is about. */
const RECVERR = { 4: { level: 0, option: 11 }, 6: { level: 41, option: 25 } } as const;
/** A packet may be cut on its way, and the kernel learns no path MTU by it: IP_PMTUDISC_DONT. */
const MTU_DISCOVER = { 4: { level: 0, option: 10 }, 6: { level: 41, option: 23 } } as const;
/** Room for the answers to a thousand requests at once, in bytes. */
const RECEIVE_BUFFER = 4_194_304;
/** Numbers of datagram sockets that are tried before giving up. */
const ATTEMPTS = 16;
const SOCKADDR = 28;
/** Positions in struct sockaddr_in and sockaddr_in6. */
const ADDRESS_IN = { 4: [4, 8], 6: [8, 24] } as const;
/** struct cmsghdr on 64-bit machines. */
const CMSG_HEADER = 16;
/** Origins of a queued error (include/uapi/linux/errqueue.h): by an ICMP message. */
const BY_ICMP = [2, 3];

/** What was heard, and from whom. */
export type Heard = EchoAnswer & { readonly from: Address };

/** A socket of one family; close it. */
export class PingSocket {
  readonly #libc: Libc;
  readonly #family: Family;
  readonly #raw: boolean;
  readonly #fd: number;
  readonly #message = new Uint8Array(65_536);
  readonly #sender = new Uint8Array(SOCKADDR);
  readonly #control = new Uint8Array(512);
  /** The number that tells its requests from those of others. */
  readonly id: number;

  /** Pings from `source`, or from where the kernel chooses. Throws a `KernelError`, with the call `socket` where this process may not ping. */
  constructor(libc: Libc, family: Family, source: Address | undefined) {
    this.#libc = libc;
    this.#family = family;
    const { fd, raw } = open(libc, family);
    this.#fd = fd;
    this.#raw = raw;
    try {
      this.#set(MTU_DISCOVER[family], 0);
      this.#enlarge();
      if (raw) this.#filter();
      else this.#set(RECVERR[family], 1);
      this.id = this.#bind(source);
    } catch (error) {
      libc.close(fd);
      throw error;
    }
  }

  /** Sends a request with a sequence number and payload; throws a `KernelError`. */
  send(to: Address, echo: Omit<Echo, 'id'>): void {
    const message = encodeEcho(this.#family, { id: this.id, ...echo });
    const address = socketAddress({ address: to, port: 0 });
    // A queued error about another request would be this one's otherwise.
    if (!this.#raw) this.#forgetError();
    this.#libc.sendto(this.#fd, message, 0, address);
  }

  /** What has come, `most` messages at most; `heard` is told of those that are about echo requests. Returns how many came. */
  receive(most: number, heard: (one: Heard) => void): number {
    let count = 0;
    for (; count < most; count++) {
      const length = this.#libc.receiveFrom(this.#fd, this.#message, this.#sender);
      if (length === undefined) break;
      const one = this.#read(this.#message.subarray(0, length));
      if (one !== undefined) heard(one);
    }
    if (this.#raw) return count;
    for (; count < most; count++) {
      const length = this.#libc.receiveError(this.#fd, this.#message, this.#sender, this.#control);
      if (length === undefined) break;
      const one = this.#readError(this.#message.subarray(0, length));
      if (one !== undefined) heard(one);
    }
    this.#forgetError();
    return count;
  }

  close(): void {
    this.#libc.close(this.#fd);
  }

  #read(packet: Uint8Array): Heard | undefined {
    // A raw socket of IPv4 alone hears the header of IP, too (raw(7)).
    const header = this.#raw && this.#family === 4 ? (packet[0]! & 0x0f) * 4 : 0;
    const answer = readEchoAnswer(this.#family, packet.subarray(header));
    return answer && { ...answer, from: this.#addressIn(this.#sender) };
  }

  /** A queued error: the request that it is about as the message, its target as the sender, and why beside them (ip(7), IP_RECVERR). */
  #readError(request: Uint8Array): Heard | undefined {
    const echo = readRequest(this.#family, request);
    const view = new DataView(this.#control.buffer);
    const { level, option } = RECVERR[this.#family];
    if (echo === undefined || view.getInt32(8, true) !== level || view.getInt32(12, true) !== option)
      return undefined;
    const [origin, type, code] = this.#control.subarray(CMSG_HEADER + 4) as unknown as [
      number,
      number,
      number,
    ];
    if (!BY_ICMP.includes(origin)) return undefined;
    const offender = this.#control.subarray(CMSG_HEADER + 16);
    const why = errorText(this.#family, type, code, view.getUint32(CMSG_HEADER + 8, true));
    const to = this.#addressIn(this.#sender);
    return { kind: 'error', why, echo, to, from: this.#addressIn(offender) };
  }

  #addressIn(sockaddr: Uint8Array): Address {
    return addressFromBytes(sockaddr.slice(...ADDRESS_IN[this.#family]));
  }

  #bind(source: Address | undefined): number {
    const address = source ?? parseAddress(this.#family === 4 ? '0.0.0.0' : '::')!;
    for (let attempt = 1; ; attempt++) {
      const id = randomInt(1, 65_536);
      try {
        // Of a datagram socket the port is the number; a raw one has none.
        const port = this.#raw ? 0 : id;
        if (!this.#raw || source !== undefined) this.#libc.bind(this.#fd, socketAddress({ address, port }));
        return id;
      } catch (error) {
        if ((error as KernelError).code !== 'EADDRINUSE' || attempt === ATTEMPTS) throw error;
      }
    }
  }

  #filter(): void {
    const { reply, errors } = ECHO_TYPES[this.#family];
    const blocked = new Uint8Array(this.#family === 4 ? 4 : 32).fill(0xff);
    for (const type of [reply, ...errors]) blocked[type >> 3]! &= ~(1 << (type & 7));
    const [level, option] = this.#family === 4 ? [SOL_RAW, ICMP_FILTER] : [PROTOCOL[6], ICMPV6_FILTER];
    this.#libc.setsockopt(this.#fd, level, option, blocked);
  }

  #enlarge(): void {
    try {
      this.#set({ level: SOL_SOCKET, option: SO_RCVBUFFORCE }, RECEIVE_BUFFER);
    } catch {
      // Without CAP_NET_ADMIN as much as rmem_max allows (socket(7)).
      this.#set({ level: SOL_SOCKET, option: SO_RCVBUF }, RECEIVE_BUFFER);
    }
  }

  #set({ level, option }: { level: number; option: number }, value: number): void {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setInt32(0, value, true);
    this.#libc.setsockopt(this.#fd, level, option, bytes);
  }

  #forgetError(): void {
    this.#libc.getsockopt(this.#fd, SOL_SOCKET, SO_ERROR, new Uint8Array(4));
  }
}

function open(libc: Libc, family: Family): { fd: number; raw: boolean } {
  const make = (type: number) =>
    libc.socket(AF[family], type | SOCK_NONBLOCK | SOCK_CLOEXEC, PROTOCOL[family]);
  try {
    return { fd: make(SOCK_RAW), raw: true };
  } catch (error) {
    if ((error as KernelError).code !== 'EPERM') throw error;
  }
  return { fd: make(SOCK_DGRAM), raw: false };
}

/**
 * TCP connections that are only tried: opened, and closed again. By system calls of our own, since Node's sockets, made to
 * be read and written, cost several times as much, and a director may try thousands a second.
 *
 * Who is connected is asked of epoll(7) now and then, not waited for: the thread has other things to wait for.
 */
import { type Address, addressBytes, type Endpoint, familyOf } from '../core/address/address.ts';
import { KernelError } from './errors.ts';
import { type Libc, libc } from './libc.ts';

const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
/** Programs that we start must not inherit the descriptor. */
const SOCK_CLOEXEC = 0o2000000;
const AF_INET = 2;
const AF_INET6 = 10;
const SOL_SOCKET = 1;
const SO_ERROR = 4;
const IPPROTO_IP = 0;
/** A port is taken when the target is known, so that one port serves many targets (ip(7)); for IPv6 as well. */
const IP_BIND_ADDRESS_NO_PORT = 24;
const EINPROGRESS = 115;

/** Events that one question may answer. */
const MOST_EVENTS = 256;
/** Between two questions, in milliseconds: shortly after a beginning, and later on. */
const SOON_MS = 1;
const LATER_MS = 5;
const STILL_SOON_MS = 20;

/** Told how an attempt ended: undefined when the connection was accepted, else why not, with the errno's name as its `code`. */
export type Connected = (error: KernelError | undefined) => void;

/** Tries connections; close it. */
export class Connector {
  readonly #libc: Libc;
  readonly #epoll: number;
  readonly #pending = new Map<number, Connected>();
  readonly #error = new Uint8Array(4);
  #timer: NodeJS.Timeout | undefined;
  #begun = 0;

  /** Throws a `KernelError` where the kernel refuses. */
  constructor(library: Libc = libc()) {
    this.#libc = library;
    this.#epoll = library.epollCreate();
  }

  /**
   * Begins to connect from `source`, or from where the kernel chooses; `done` is told once, never before this returns.
   * Returns a function that gives the attempt up, after which nothing is told any more.
   */
  begin(target: Endpoint, source: Address | undefined, done: Connected): () => void {
    let fd: number | undefined;
    try {
      fd = this.#open(target, source);
      this.#pending.set(fd, done);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      let told = true;
      setImmediate(() => told && done(error));
      return () => {
        told = false;
      };
    }
    this.#begun = performance.now();
    this.#timer ??= setTimeout(() => this.#look(), SOON_MS);
    const own = fd;
    return () => {
      if (this.#pending.get(own) === done) this.#end(own);
    };
  }

  /** Gives up what is under way. */
  close(): void {
    clearTimeout(this.#timer);
    for (const fd of this.#pending.keys()) this.#end(fd);
    this.#libc.close(this.#epoll);
  }

  #open(target: Endpoint, source: Address | undefined): number {
    const calls = this.#libc;
    const family = familyOf(target.address) === 4 ? AF_INET : AF_INET6;
    const fd = calls.socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    try {
      if (source !== undefined) {
        calls.setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, Uint8Array.of(1, 0, 0, 0));
        calls.bind(fd, socketAddress({ address: source, port: 0 }));
      }
      const errno = calls.connect(fd, socketAddress(target));
      if (errno !== 0 && errno !== EINPROGRESS) throw new KernelError('connect', errno);
      calls.epollAddWritable(this.#epoll, fd);
      return fd;
    } catch (error) {
      calls.close(fd);
      throw error;
    }
  }

  #end(fd: number): void {
    this.#pending.delete(fd);
    // The last descriptor of a socket takes it out of the epoll set, too (epoll(7), "Questions and answers").
    this.#libc.close(fd);
  }

  /** Tells those whose attempts have ended, and comes back while there are others. */
  #look(): void {
    this.#timer = undefined;
    for (;;) {
      const ready = this.#libc.epollReady(this.#epoll, MOST_EVENTS);
      for (const fd of ready) this.#tell(fd);
      if (ready.length < MOST_EVENTS) break;
    }
    if (this.#pending.size === 0) return;
    const soon = performance.now() - this.#begun < STILL_SOON_MS;
    this.#timer ??= setTimeout(() => this.#look(), soon ? SOON_MS : LATER_MS);
  }

  #tell(fd: number): void {
    const done = this.#pending.get(fd);
    // One that came in the same answer may have been given up by who was told before it.
    if (done === undefined) return;
    this.#libc.getsockopt(fd, SOL_SOCKET, SO_ERROR, this.#error);
    const errno = new DataView(this.#error.buffer).getInt32(0, true);
    this.#end(fd);
    done(errno === 0 ? undefined : new KernelError('connect', errno));
  }
}

/** struct sockaddr_in or sockaddr_in6 (ip(7), ipv6(7)). */
export function socketAddress({ address, port }: Endpoint): Uint8Array {
  const v4 = familyOf(address) === 4;
  const bytes = new Uint8Array(v4 ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, v4 ? AF_INET : AF_INET6, true);
  view.setUint16(2, port);
  bytes.set(addressBytes(address), v4 ? 4 : 8);
  return bytes;
}

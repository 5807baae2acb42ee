/** Pings: many at a time over one socket for each family and source address, which is there while any is under way. */
import { randomBytes, randomInt } from 'node:crypto';
import { type Address, familyOf } from '../core/address/address.ts';
import { type Libc, libc } from './libc.ts';
import { type Heard, PingSocket } from './ping-socket.ts';

/** Bytes of a payload that nobody can guess who has not seen the request; the least payload. */
export const TOKEN_BYTES = 16;

/** Messages that are taken from one socket before others have their turn. */
const MOST_MESSAGES = 256;
/** Between two looks whether something has come, in milliseconds: shortly after a beginning, and later on. */
const SOON_MS = 1;
const LATER_MS = 5;
const STILL_SOON_MS = 20;

/** A target, and how it is pinged. */
export interface PingTarget {
  readonly address: Address;
  readonly source?: Address;
  /** Of the payload, in bytes, from TOKEN_BYTES on. */
  readonly size: number;
}

/** Told how a ping ended: undefined when it was answered, else why not. */
export type Pinged = (error: Error | undefined) => void;

interface Pending {
  readonly address: Address;
  readonly payload: Uint8Array;
  readonly done: Pinged;
}

interface Line {
  readonly socket: PingSocket;
  readonly pending: Map<number, Pending>;
  next: number;
}

/** Pings; close it. */
export class Pinger {
  readonly #libc: Libc;
  readonly #lines = new Map<string, Line>();
  #timer: NodeJS.Timeout | undefined;
  #begun = 0;

  constructor(library: Libc = libc()) {
    this.#libc = library;
  }

  /**
   * Sends a request; `done` is told once, never before this returns. Returns a function that gives it up, after which
   * nothing is told any more. Throws a `KernelError` where it cannot be sent, with the call `socket` where nothing can.
   */
  begin({ address, source, size }: PingTarget, done: Pinged): () => void {
    const key = `${familyOf(address)} ${source ?? ''}`;
    const line = this.#lines.get(key) ?? this.#open(key, address, source);
    const sequence = freeIn(line);
    const payload = payloadOf(size);
    try {
      line.socket.send(address, { sequence, payload });
    } catch (error) {
      this.#closeIdle();
      throw error;
    }
    const own: Pending = { address, payload, done };
    line.pending.set(sequence, own);
    this.#begun = performance.now();
    this.#timer ??= setTimeout(() => this.#look(), SOON_MS);
    return () => {
      if (line.pending.get(sequence) !== own) return;
      line.pending.delete(sequence);
      this.#closeIdle();
    };
  }

  /** Gives up what is under way. */
  close(): void {
    clearTimeout(this.#timer);
    for (const { pending } of this.#lines.values()) pending.clear();
    this.#closeIdle();
  }

  #open(key: string, address: Address, source: Address | undefined): Line {
    const socket = new PingSocket(this.#libc, familyOf(address), source);
    const line: Line = { socket, pending: new Map(), next: randomInt(65_536) };
    this.#lines.set(key, line);
    return line;
  }

  /** A raw socket hears what comes for everybody: none is kept while nobody waits. */
  #closeIdle(): void {
    for (const [key, { socket, pending }] of this.#lines) {
      if (pending.size > 0) continue;
      this.#lines.delete(key);
      socket.close();
    }
  }

  #look(): void {
    this.#timer = undefined;
    const ended: (() => void)[] = [];
    for (const line of this.#lines.values())
      line.socket.receive(MOST_MESSAGES, (heard) => {
        const pending = answered(line, heard);
        if (pending === undefined) return;
        line.pending.delete(heard.echo.sequence);
        ended.push(() => pending.done(heard.kind === 'reply' ? undefined : new Error(errorOf(heard))));
      });
    this.#closeIdle();
    // Who is told may begin another one.
    for (const tell of ended) tell();
    if (this.#lines.size === 0) return;
    const soon = performance.now() - this.#begun < STILL_SOON_MS;
    this.#timer ??= setTimeout(() => this.#look(), soon ? SOON_MS : LATER_MS);
  }
}

/** The next number that nobody waits for: there are far more of them than pings at a time. */
function freeIn(line: Line): number {
  while (line.pending.has(line.next)) line.next = (line.next + 1) & 0xffff;
  const { next } = line;
  line.next = (next + 1) & 0xffff;
  return next;
}

/** Unguessable at its beginning, and then counted. */
function payloadOf(size: number): Uint8Array {
  const payload = Uint8Array.from({ length: size }, (_, at) => at & 0xff);
  payload.set(randomBytes(TOKEN_BYTES));
  return payload;
}

/**
 * Whose answer it is: the numbers are right, so is the address, and so is the payload, of which an error may repeat less, or
 * nothing (RFC 792 asks for no more than the numbers).
 */
function answered(line: Line, heard: Heard): Pending | undefined {
  const { id, sequence, payload } = heard.echo;
  const pending = id === line.socket.id ? line.pending.get(sequence) : undefined;
  if (pending === undefined) return undefined;
  const about = heard.kind === 'reply' ? heard.from : heard.to;
  const length = heard.kind === 'reply' ? pending.payload.length : Math.min(payload.length, TOKEN_BYTES);
  const same =
    payload.length >= length && pending.payload.subarray(0, length).every((byte, at) => byte === payload[at]);
  if (about !== pending.address || !same) return undefined;
  return heard.kind === 'reply' && payload.length !== length ? undefined : pending;
}

const errorOf = (heard: Extract<Heard, { kind: 'error' }>): string =>
  heard.from === heard.to ? heard.why : `${heard.why}, says ${heard.from}`;

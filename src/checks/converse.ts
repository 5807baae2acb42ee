/** A conversation with a server over TCP or TLS, in bytes: bounded in what is heard, and ended by the check's signal. */
import { connect, type Socket } from 'node:net';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import type { Address, Endpoint } from '../core/address/address.ts';
import type { CheckTls } from '../core/model/check-protocols.ts';
import { failed, type Outcome, outcomeOf } from './outcome.ts';
import { expiryWarning, tlsOptions } from './tls.ts';

/** The most that is heard in one conversation, in bytes. */
const MAX_HEARD = 16_384;

/** Whom to talk with. */
export interface Partner extends Endpoint {
  readonly source?: Address;
  readonly tls?: CheckTls;
}

/** Where an answer ends in what was heard since the one before; -1 while it has not. `ended`: nothing more will come. What it throws ends the conversation. */
export type AnswerEnd = (heard: string, ended: boolean) => number;

/** An open conversation. A character stands for a byte. */
export interface Conversation {
  say(bytes: string): void;
  /** The next answer; rejects when it does not come. */
  hear(end: AnswerEnd): Promise<string>;
  /** What was heard since the last answer. */
  readonly heard: string;
  /** The director's own address. */
  readonly ownAddress: string;
  /** What is to be warned of, although all is well. */
  readonly warning: string | undefined;
}

/** Connects and lets `talk` find the outcome; never rejects. */
export async function converse(
  { address: host, port, source, tls }: Partner,
  signal: AbortSignal,
  talk: (conversation: Conversation) => Promise<Outcome>,
): Promise<Outcome> {
  let socket: Socket | undefined;
  try {
    const where = { host, port, ...(source && { localAddress: source }) };
    const options = tls && (await tlsOptions(tls));
    if (signal.aborted) return outcomeOf(signal.reason);
    socket = options === undefined ? connect(where) : tlsConnect({ ...where, ...options });
    return await talk(await opened(socket, signal, tls));
  } catch (error) {
    return outcomeOf(error);
  } finally {
    socket?.destroy();
  }
}

function opened(socket: Socket, signal: AbortSignal, tls: CheckTls | undefined): Promise<Conversation> {
  return new Promise((resolve, reject) => {
    let heard = '';
    let over: Error | undefined;
    let listen = () => {};
    let refuse: (error: Error) => void = reject;
    const end = (error: Error) => {
      over ??= error;
      refuse(over);
    };
    signal.addEventListener('abort', () => end(signal.reason as Error), { once: true });
    // Stays until the end: an error that comes after `destroy` is nobody's.
    socket.on('error', end);
    socket.on('data', (piece) => {
      heard += piece.toString('latin1');
      listen();
      if (heard.length > MAX_HEARD) {
        socket.destroy();
        end(new Error(`the server says more than ${MAX_HEARD / 1024} KiB`));
      }
    });
    socket.on('end', () => {
      over ??= new Error('the server hung up');
      listen();
      refuse(over);
    });
    const hear = (endOf: AnswerEnd) =>
      new Promise<string>((answer, give) => {
        refuse = give;
        listen = () => {
          let at: number;
          try {
            at = endOf(heard, over !== undefined);
          } catch (error) {
            listen = () => {};
            return give(error as Error);
          }
          if (at < 0) return;
          listen = () => {};
          answer(heard.slice(0, at));
          heard = heard.slice(at);
        };
        listen();
        if (over !== undefined) give(over);
      });
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      refuse = () => {};
      resolve({
        say: (bytes) => void socket.write(bytes, 'latin1'),
        hear,
        get heard() {
          return heard;
        },
        ownAddress: socket.localAddress ?? '',
        warning: tls && expiryWarning(socket as TLSSocket, tls),
      });
    });
  });
}

/** The outcome of a conversation that broke off, with where it did. */
export function brokenOff(error: unknown, where: string, details = ''): Outcome {
  const outcome = outcomeOf(error);
  return outcome.outcome === 'failed' ? failed(`${where}: ${outcome.reason}${details}`) : outcome;
}

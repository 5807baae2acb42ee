/** What the load says over TCP and UDP, and how long it waits for an answer. */
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';

/** Longer than a retransmission on a slow machine takes. */
export const PATIENCE_MS = 20_000;

/** The server's name in an answer `NAME what was sent`. */
const nameIn = (answer: string): string => answer.split(' ')[0]!;
/** What is said, for a message. */
const brief = (text: string): string => (text.length > 30 ? `${text.slice(0, 29)}…` : text);

/** One line there and back over a connection; resolves with the server's name. */
export function exchange(socket: Socket, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    // It ended between two lines.
    if (socket.destroyed) return reject(socket.errored ?? new Error(`closed before ${line}`));
    let text = '';
    const timer = setTimeout(() => done(new Error(`no answer to ${line}`)), PATIENCE_MS);
    const onData = (data: Buffer): void => {
      text += data.toString();
      if (text.endsWith('\n')) done();
    };
    const onClose = (): void => done(new Error(`closed before the answer to ${line}`));
    const done = (error?: Error): void => {
      clearTimeout(timer);
      socket.off('data', onData).off('error', done).off('close', onClose);
      if (error !== undefined) reject(error);
      else if (!text.endsWith(` ${line}\n`)) reject(new Error(`${line} was answered ${text.trim()}`));
      else resolve(nameIn(text));
    };
    socket.on('data', onData).on('error', done).on('close', onClose);
    socket.write(`${line}\n`);
  });
}

/** A connection to a service, by the client's own address if one is given. */
export function open(host: string, port: number, localAddress?: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, ...(localAddress !== undefined && { localAddress }) });
    socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error('no connection')));
    socket.once('error', reject).once('connect', () => {
      // An error between two lines is told by the next.
      socket
        .setTimeout(0)
        .off('error', reject)
        .on('error', () => {});
      resolve(socket);
    });
  });
}

/** A socket of its own for a conversation with a service over UDP. */
export interface Talk {
  /** Asks, and resolves with the name of the server that has answered that. */
  ask(text: string): Promise<string>;
  /** Sends to where nobody listens, and resolves when an ICMP error has said so. */
  refuse(text: string): Promise<void>;
  /** Sends, and is gone when the answer comes. */
  leave(text: string): Promise<void>;
  close(): void;
}

/** Opens it; a socket that is connected is told of ICMP errors (udp(7)). */
export function talk(host: string, port: number): Talk {
  const socket: DatagramSocket = createSocket(host.includes(':') ? 'udp6' : 'udp4').on('error', () => {});
  const connected = new Promise<void>((resolve) => socket.connect(port, host, resolve));
  const wait = async <T>(what: string, begin: (done: (error?: Error, value?: T) => void) => () => void) => {
    await connected;
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => done(new Error(`no answer to ${brief(what)}`)), PATIENCE_MS);
      const done = (error?: Error, value?: T): void => {
        clearTimeout(timer);
        end();
        if (error === undefined) resolve(value as T);
        else reject(error);
      };
      const end = begin(done);
    });
  };
  return {
    ask: (text) =>
      wait<string>(text, (done) => {
        const onMessage = (message: Buffer): void => {
          const answer = message.toString();
          if (answer.endsWith(` ${text}`)) done(undefined, nameIn(answer));
        };
        const onError = (error: Error): void => done(error);
        socket.on('message', onMessage).on('error', onError);
        socket.send(text);
        return () => socket.off('message', onMessage).off('error', onError);
      }),
    refuse: (text) =>
      wait<void>(text, (done) => {
        const onError = ({ code, message }: NodeJS.ErrnoException): void =>
          done(code === 'ECONNREFUSED' ? undefined : new Error(message));
        socket.on('error', onError);
        socket.send(text);
        return () => socket.off('error', onError);
      }),
    leave: (text) =>
      connected.then(
        () =>
          new Promise((resolve) =>
            socket.send(text, () => {
              socket.close();
              resolve();
            }),
          ),
      ),
    close: () => void socket.close(),
  };
}

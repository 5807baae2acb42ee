/**
 * Runs on the lab's client, in the guest: connections that last and check that nothing of theirs is lost or goes to another
 * server, short ones, conversations over UDP that last and that begin, and clients of a persistent service. A line `report` on
 * the standard input is answered with what has been counted since the last; `release` ends what lasts, `hold` begins it anew.
 */
import { createSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';

/** What is counted; everything but the numbers of good ones is to be empty. */
export interface LoadReport {
  /** Lines answered on connections that last, and how many of those there are. */
  readonly lines: number;
  readonly lasting: number;
  /** Short connections that went well, and UDP conversations of three datagrams each that did. */
  readonly short: number;
  readonly conversations: number;
  /** Datagrams answered on conversations that last. */
  readonly datagrams: number;
  /** Connections to the persistent service that went to their client's server, and to another. */
  readonly remembered: number;
  readonly moved: readonly string[];
  /** What went wrong, in words. */
  readonly lost: readonly string[];
}

/** What the load is told. */
export interface LoadOptions {
  readonly vip: string;
  readonly echo: number;
  readonly udp: number;
  readonly persistent: number;
  /** Addresses of the clients of the persistent service. */
  readonly clients: readonly string[];
  readonly lasting: number;
  readonly conversations: number;
}

const EVERY_MS = 100;
/** Longer than a retransmission on a slow machine takes. */
const PATIENCE_MS = 20_000;

/** The server's name in an answer `NAME what was sent`. */
const nameIn = (answer: string): string => answer.split(' ')[0]!;

export async function load(options: LoadOptions): Promise<void> {
  const { vip } = options;
  let counts = { lines: 0, short: 0, conversations: 0, datagrams: 0, remembered: 0 };
  let [lost, moved]: [string[], string[]] = [[], []];
  let lasting = 0;
  let isHeld = true;
  let isOver = false;

  /** One line there and back. */
  const exchange = (socket: Socket, line: string): Promise<string> =>
    new Promise((resolve, reject) => {
      let text = '';
      const timer = globalThis.setTimeout(() => done(new Error(`no answer to ${line}`)), PATIENCE_MS);
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
  const open = (port: number, localAddress?: string): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: vip, port, ...(localAddress !== undefined && { localAddress }) });
      socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error('no connection')));
      socket.once('error', reject).once('connect', () => {
        socket.setTimeout(0).off('error', reject);
        resolve(socket);
      });
    });

  const lastingTcp = async (number: number): Promise<void> => {
    try {
      const socket = await open(options.echo);
      const server = await exchange(socket, 'begin');
      lasting++;
      for (let i = 0; isHeld; i++) {
        const name = await exchange(socket, `line ${i}`);
        if (name !== server) throw new Error(`${server} has become ${name}`);
        counts.lines++;
        await pause(EVERY_MS);
      }
      socket.on('error', () => {}).end();
    } catch (error) {
      lost.push(`connection ${number}: ${(error as Error).message}`);
    }
    lasting--;
  };

  /** A socket that asks and waits for the answer to what it asked. */
  const talk = () => {
    const socket = createSocket('udp4').on('error', () => {});
    const ask = (text: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const timer = globalThis.setTimeout(() => done(new Error(`no answer to ${text}`)), PATIENCE_MS);
        const onMessage = (message: Buffer): void => {
          if (message.toString().endsWith(` ${text}`)) done(undefined, nameIn(message.toString()));
        };
        const done = (error?: Error, name = ''): void => {
          clearTimeout(timer);
          socket.off('message', onMessage);
          if (error === undefined) resolve(name);
          else reject(error);
        };
        socket.on('message', onMessage);
        socket.send(text, options.udp, vip);
      });
    return { ask, close: () => socket.close() };
  };
  const lastingUdp = async (number: number): Promise<void> => {
    const { ask, close } = talk();
    try {
      const server = await ask('begin');
      lasting++;
      for (let i = 0; isHeld; i++) {
        const name = await ask(`datagram ${i}`);
        if (name !== server) throw new Error(`${server} has become ${name}`);
        counts.datagrams++;
        await pause(EVERY_MS);
      }
    } catch (error) {
      lost.push(`conversation ${number}: ${(error as Error).message}`);
    }
    lasting--;
    close();
  };

  const again = async (what: string, act: () => Promise<void>): Promise<void> => {
    while (!isOver)
      try {
        await act();
      } catch (error) {
        lost.push(`${what}: ${(error as Error).message}`);
      }
  };
  const short = async (): Promise<void> => {
    const socket = await open(options.echo);
    const server = await exchange(socket, 'first');
    if ((await exchange(socket, 'second')) !== server) throw new Error('another server');
    socket.on('error', () => {}).end();
    counts.short++;
    await pause(EVERY_MS / 2);
  };
  const conversation = async (): Promise<void> => {
    const { ask, close } = talk();
    try {
      const server = await ask('first');
      for (const word of ['second', 'third']) {
        await pause(EVERY_MS);
        const name = await ask(word);
        if (name !== server) throw new Error(`${server} has become ${name}`);
      }
      counts.conversations++;
    } finally {
      close();
    }
  };
  const servers = new Map<string, string>();
  const remembered = async (): Promise<void> => {
    for (const client of options.clients) {
      const socket = await open(options.persistent, client);
      const name = await exchange(socket, 'hello');
      socket.on('error', () => {}).end();
      const before = servers.get(client);
      if (before === undefined || before === name) counts.remembered++;
      else moved.push(`${client}: ${before} → ${name}`);
      servers.set(client, name);
    }
    await pause(5 * EVERY_MS);
  };

  const hold = (): void => {
    isHeld = true;
    for (let i = 0; i < options.lasting; i++) void lastingTcp(i);
    for (let i = 0; i < options.conversations; i++) void lastingUdp(i);
  };
  hold();
  void again('short connection', short);
  void again('short conversation', conversation);
  void again('persistent client', remembered);
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'release') isHeld = false;
    else if (line === 'hold') hold();
    else if (line === 'stop') break;
    const report: LoadReport = { ...counts, lasting, moved, lost };
    process.stdout.write(`${JSON.stringify(report)}\n`);
    counts = { lines: 0, short: 0, conversations: 0, datagrams: 0, remembered: 0 };
    [lost, moved] = [[], []];
  }
  isOver = true;
  isHeld = false;
  process.exit(0);
}

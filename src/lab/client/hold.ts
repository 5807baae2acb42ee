/** Opens TCP connections to an echo service, holds them and asks on demand whether each still works. */
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { ClientContext, HoldOptions, PokeResult } from './wire.ts';

interface Held {
  readonly number: number;
  readonly socket: Socket;
  /** Takes the next line, or the reason why none will come. */
  take: (line: string | Error) => void;
  broken?: Error;
}

function open(number: number, options: HoldOptions): Promise<Held> {
  const { address: host, port = 7, sourcePort } = options;
  const localPort = sourcePort === undefined ? {} : { localPort: sourcePort + number - 1 };
  const socket = connect({ host, port, ...localPort });
  const held: Held = { number, socket, take: () => {} };
  const breakWith = (error: Error): void => {
    held.broken ??= error;
    held.take(held.broken);
  };
  socket.setTimeout(options.timeout ?? 5_000);
  const lines = createInterface({ input: socket });
  lines.on('line', (line) => held.take(line));
  // It repeats the socket's errors, and would throw those that nobody listens to.
  lines.on('error', () => {});
  return new Promise((resolve) => {
    socket.once('connect', () => {
      socket.setTimeout(0);
      resolve(held);
    });
    socket.once('timeout', () => socket.destroy(new Error('not opened in time')));
    socket.on('error', breakWith);
    socket.on('close', () => {
      breakWith(new Error('closed by the other side'));
      resolve(held);
    });
  });
}

/** Sends a line and waits for `NAME line`; the name, or an error as a value. */
function ask(held: Held, line: string, timeout: number): Promise<string | Error> {
  if (held.broken !== undefined) return Promise.resolve(held.broken);
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(new Error(`no echo within ${timeout} ms`)), timeout);
    held.take = (answer) => {
      clearTimeout(timer);
      held.take = () => {};
      if (answer instanceof Error) resolve(answer);
      else if (!answer.endsWith(` ${line}`)) resolve(new Error(`wrong echo ${JSON.stringify(answer)}`));
      else resolve(answer.slice(0, -line.length - 1));
    };
    held.socket.write(`${line}\n`);
  });
}

async function poke(
  all: readonly Held[],
  round: number,
  { timeout = 5_000, size = 0 }: HoldOptions,
): Promise<PokeResult> {
  const byServer: Record<string, number> = {};
  const dead: string[] = [];
  const answers = await Promise.all(
    all.map((held) => ask(held, `${held.number}.${round}`.padEnd(size, '.'), timeout)),
  );
  for (const [index, answer] of answers.entries()) {
    if (answer instanceof Error) dead.push(`connection ${index + 1}: ${answer.message}`);
    else byServer[answer] = (byServer[answer] ?? 0) + 1;
  }
  return { alive: all.length - dead.length, byServer, dead };
}

/**
 * Opens the connections one by one, each with an echo before the next, so that whoever counts connections has seen it
 * established; says how many, pokes on demand; ends after a stop with a last poke.
 */
export async function runHold(options: HoldOptions, context: ClientContext): Promise<PokeResult> {
  const timeout = options.timeout ?? 5_000;
  const all: Held[] = [];
  let round = 0;
  let last: Promise<unknown> = Promise.resolve();
  const stopped = new Promise<void>((resolve) => {
    context.onCommand((command) => {
      if (command === 'stop') resolve();
      // One poke after the other: each connection has at most one line on the way.
      else
        last = last.then(async () => {
          round += 1;
          context.tell({ event: 'poked', poke: await poke(all, round, options) });
        });
    });
  });
  for (let number = 1; number <= options.count; number += 1) {
    const held = await open(number, options);
    const answer = await ask(held, `${number}.${round}`, timeout);
    if (answer instanceof Error) held.broken ??= answer;
    all.push(held);
  }
  const failed = all.filter((held) => held.broken !== undefined).length;
  context.tell({ event: 'progress', count: all.length - failed, failed });
  await stopped;
  await last;
  const result = await poke(all, round + 1, options);
  for (const held of all) held.socket.destroy();
  return result;
}

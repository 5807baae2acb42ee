/**
 * A server for the lab whose health can be changed while it runs. Usage: checked-server PORT, then lines on standard
 * input: `good`, `lying` (200 with another body), `broken` (500), `slow` (answers after 10 s), `silent` (accepts and never
 * answers), `resetting`, `closed` (does not listen). Each is answered by the same line when it holds. GET / says `ok`.
 */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { createInterface } from 'node:readline';

const SLOW_MS = 10_000;

type Answer = (response: ServerResponse) => void;

const ANSWERS: Readonly<Record<string, Answer>> = {
  good: (response) => response.end('ok\n'),
  lying: (response) => response.end('sorry, we moved\n'),
  broken: (response) => response.writeHead(500).end('no\n'),
  slow: (response) => void setTimeout(() => response.end('ok\n'), SLOW_MS),
  silent: () => {},
  resetting: (response) => response.socket?.resetAndDestroy(),
};

async function main(): Promise<void> {
  const port = Number(process.argv[2]);
  let mode = 'good';
  const server = createServer((_, response) => ANSWERS[mode]?.(response));
  const listen = async () => {
    server.listen(port);
    await once(server, 'listening');
  };
  await listen();
  process.on('SIGTERM', () => process.exit(0));
  console.log('ready');
  for await (const line of createInterface({ input: process.stdin })) {
    if (line !== 'closed' && !(line in ANSWERS)) throw new Error(`no such state: ${line}`);
    if (line === 'closed' && server.listening) {
      server.close();
      server.closeIdleConnections();
    } else if (line !== 'closed' && !server.listening) await listen();
    mode = line;
    console.log(line);
  }
}

await main();

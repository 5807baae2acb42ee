/**
 * A real server for the lab. Usage: real-server NAME [--http PORT] [--echo PORT] [--udp PORT]
 *
 * HTTP (port 80; any number of --http): GET / says NAME; GET /bytes/N sends N known bytes; GET /slow/N/RATE sends
 * them at RATE bytes a second; GET /who tells the client as seen from here; POST /echo sends the body back. A TCP
 * echo on port 7 and a UDP echo on port 5353 answer `NAME what was sent`, TCP line by line. Both address families.
 * Prints `ready` when all of them listen, and ends on TERM.
 */
import { createSocket, type SocketType } from 'node:dgram';
import { once } from 'node:events';
import { createServer as createTcpServer } from 'node:net';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { createRealServerHttp } from './real-server-http.ts';

async function listenUdp(name: string, port: number, type: SocketType): Promise<void> {
  const socket = createSocket({ type, ipv6Only: type === 'udp6' });
  socket.on('message', (message, from) => {
    socket.send(Buffer.concat([Buffer.from(`${name} `), message]), from.port, from.address);
  });
  socket.bind(port);
  await once(socket, 'listening');
}

async function listenEcho(name: string, port: number): Promise<void> {
  const server = createTcpServer((socket) => {
    // A client may end its connection with a reset; that is not this server's trouble.
    socket.on('error', () => socket.destroy());
    createInterface({ input: socket })
      // It says the same error again.
      .on('error', () => {})
      .on('line', (line) => socket.write(`${name} ${line}\n`));
  });
  server.listen(port);
  await once(server, 'listening');
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      http: { type: 'string', multiple: true, default: ['80'] },
      echo: { type: 'string', default: '7' },
      udp: { type: 'string', default: '5353' },
    },
  });
  const [name] = positionals;
  if (name === undefined) throw new Error('usage: real-server NAME [--http PORT] [--echo PORT] [--udp PORT]');
  for (const port of values.http) {
    const server = createRealServerHttp(name);
    server.listen(Number(port));
    await once(server, 'listening');
  }
  await listenEcho(name, Number(values.echo));
  await listenUdp(name, Number(values.udp), 'udp4');
  await listenUdp(name, Number(values.udp), 'udp6');
  process.on('SIGTERM', () => process.exit(0));
  console.log('ready');
}

await main();

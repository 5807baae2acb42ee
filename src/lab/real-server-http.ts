/** The HTTP side of a real server in the lab. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { makePattern } from './bytes.ts';

/** Every answer carries the real server's name in this header. */
export const serverHeader = 'x-real-server';

/** Pieces a second of a slow body. */
const slowPieces = 20;

type Pattern = ReturnType<typeof makePattern>;

async function* slowly(pattern: Pattern, length: number, rate: number): AsyncGenerator<Buffer> {
  const size = Math.max(1, Math.round(rate / slowPieces));
  const start = performance.now();
  for (let at = 0; at < length; at += size) {
    yield Buffer.concat([...pattern(at, Math.min(size, length - at))]);
    // Against the clock, not by a pause each, so that the rate holds over the whole body.
    const due = start + ((at + size) / rate) * 1000;
    await wait(Math.max(0, due - performance.now()));
  }
}

/** IPv4 clients of a socket that listens on both families appear as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2). */
function clientOf(request: IncomingMessage): { address: string; port: number } {
  const { remoteAddress = '', remotePort = 0 } = request.socket;
  return { address: remoteAddress.replace(/^::ffff:/, ''), port: remotePort };
}

function sendBody(response: ServerResponse, length: number, body: Readable): void {
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': length });
  body.on('error', () => response.destroy());
  response.on('close', () => body.destroy());
  body.pipe(response);
}

function answer(name: string, pattern: Pattern, request: IncomingMessage, response: ServerResponse): void {
  response.setHeader(serverHeader, name);
  const path = request.url ?? '/';
  const bytes = /^\/bytes\/(\d{1,11})$/.exec(path);
  const slow = /^\/slow\/(\d{1,11})\/([1-9]\d{0,9})$/.exec(path);
  if (request.method === 'POST' && path === '/echo') {
    response.writeHead(200);
    request.pipe(response);
  } else if (request.method !== 'GET') {
    response.writeHead(405).end();
  } else if (path === '/') {
    response.end(`${name}\n`);
  } else if (path === '/who') {
    response.setHeader('content-type', 'application/json');
    response.end(`${JSON.stringify({ server: name, client: clientOf(request) })}\n`);
  } else if (bytes !== null) {
    const length = Number(bytes[1]);
    sendBody(response, length, Readable.from(pattern(0, length), { objectMode: false }));
  } else if (slow !== null) {
    const length = Number(slow[1]);
    sendBody(
      response,
      length,
      Readable.from(slowly(pattern, length, Number(slow[2])), { objectMode: false }),
    );
  } else {
    response.writeHead(404).end(`${name} has no ${path}\n`);
  }
}

/** An HTTP server that answers as the real server `name`; the caller makes it listen. */
export function createRealServerHttp(name: string): Server {
  const pattern = makePattern();
  const server = createServer((request, response) => answer(name, pattern, request, response));
  // It is the client that ends a connection here: an idle one stays for ten minutes, and a slow one may take as long.
  server.keepAliveTimeout = 600_000;
  server.requestTimeout = 0;
  return server;
}

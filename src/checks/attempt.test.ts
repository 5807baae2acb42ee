/** Checks against servers of this process, on the loopback interface. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Address, parseAddress } from '../core/address/address.ts';
import { type Check, type HttpCheck, MAX_CHECKED_BODY } from '../core/model/check.ts';
import { make } from './servers.fixture.ts';

const loopback = parseAddress('127.0.0.1')!;
const open: { server: Server; sockets: Set<Socket> }[] = [];

afterEach(async () => {
  for (const { server, sockets } of open.splice(0)) {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  }
});

/** Listens, and gives the port; ends with the test. */
async function listen(server: Server, address: string = loopback): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  open.push({ server, sockets });
  server.listen(0, address);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const http = (answer: RequestListener) => listen(createHttpServer(answer));
const raw = (talk: (socket: Socket) => void) => listen(createServer(talk));
/** A port on which nobody listens. */
async function closedPort(): Promise<number> {
  const port = await raw(() => {});
  const { server } = open.pop()!;
  server.close();
  await once(server, 'close');
  return port;
}

const timing = { interval: 5_000, timeout: 1_000, rise: 1, fall: 1 };
const tcpAt = (port: number, more: Partial<Check> = {}): Check =>
  ({ type: 'tcp', address: loopback, port, ...timing, ...more }) as Check;
const httpAt = (port: number, more: Partial<HttpCheck> = {}): Check => ({
  type: 'http',
  address: loopback,
  port,
  method: 'GET',
  path: '/health',
  status: [[200, 299]],
  ...timing,
  ...more,
});

describe('a tcp check', () => {
  it('passes when a connection is accepted, over IPv6 too', async () => {
    expect(await make(tcpAt(await raw(() => {})))).toMatchObject({ outcome: 'passed', reason: 'connected' });
    const address = '::1' as Address;
    const port = await listen(
      createServer(() => {}),
      '::1',
    );
    expect(await make(tcpAt(port, { address }))).toMatchObject({ outcome: 'passed' });
  });

  it('fails when it is refused', async () => {
    expect(await make(tcpAt(await closedPort()))).toMatchObject({
      outcome: 'failed',
      reason: 'connection refused',
    });
  });

  it('says nothing of a server when the director has not got the address to ask from', async () => {
    const source = parseAddress('203.0.113.77')!;
    expect(await make(tcpAt(await raw(() => {}), { source }))).toMatchObject({
      outcome: 'void',
      reason: 'the director has no such address, or no free port',
    });
  });
});

describe('an http check', () => {
  it('asks for what it says, by the name it says', async () => {
    const asked: string[] = [];
    const port = await http(({ method, url, headers }, response) => {
      asked.push(`${method} ${url} ${headers.host} ${headers.connection}`);
      response.end();
    });
    await make(httpAt(port, { path: '/h?a=1', host: 'www.example.com' }));
    await make(httpAt(port, { method: 'HEAD' }));
    expect(asked).toEqual(['GET /h?a=1 www.example.com close', `HEAD /health 127.0.0.1:${port} close`]);
  });

  it('wants a status that is right', async () => {
    const port = await http(({ url }, response) => {
      response.statusCode = Number(url!.slice(1));
      response.end();
    });
    const status = (path: string, ranges?: HttpCheck['status']) =>
      make(httpAt(port, { path, ...(ranges && { status: ranges }) }));
    expect(await status('/204')).toMatchObject({ outcome: 'passed', reason: 'status 204' });
    expect(await status('/500')).toMatchObject({ outcome: 'failed', reason: 'status 500, not 200-299' });
    const ranges: HttpCheck['status'] = [
      [200, 200],
      [301, 302],
    ];
    expect(await status('/302', ranges)).toMatchObject({ outcome: 'passed' });
    expect(await status('/303', ranges)).toMatchObject({ reason: 'status 303, not 200 or 301-302' });
  });

  it('sees through a server that lies: 200 with the wrong body', async () => {
    const port = await http((_, response) => response.end('all is wéll\n'));
    const body = (expected: NonNullable<HttpCheck['body']>) => make(httpAt(port, { body: expected }));
    const digest = (algorithm: string, text: string) => createHash(algorithm).update(text).digest('hex');
    expect(
      await body({ contains: 'wéll', regex: '^all.*\n$', digest: digest('md5', 'all is wéll\n') }),
    ).toMatchObject({
      outcome: 'passed',
      reason: 'status 200, body as expected',
    });
    expect(await body({ digest: digest('sha256', 'all is wéll\n') })).toMatchObject({ outcome: 'passed' });
    expect(await body({ contains: 'not there' })).toMatchObject({
      outcome: 'failed',
      reason: 'the body does not contain "not there"',
    });
    expect(await body({ regex: '^ok$' })).toMatchObject({ reason: 'the body does not match "^ok$"' });
    expect((await body({ digest: digest('sha256', 'other') })).reason).toMatch(
      /^the body's sha256 is .{12}…, not/,
    );
  });

  it('reads no more of a body than it may, and none where nothing is expected of it', async () => {
    const port = await http((_, response) => {
      const piece = Buffer.alloc(65_536, 'a');
      const pump = () => {
        while (!response.destroyed && response.write(piece));
      };
      response.on('drain', pump);
      pump();
    });
    expect(await make(httpAt(port, { timeout: 5_000, body: { contains: 'b' } }))).toMatchObject({
      outcome: 'failed',
      reason: `the body is longer than ${MAX_CHECKED_BODY / 1_048_576} MiB`,
    });
    expect(await make(httpAt(port))).toMatchObject({ outcome: 'passed' });
  });

  it.each<[string, (socket: Socket) => void, string]>([
    ['accepts and never answers', () => {}, 'no answer within 150 ms'],
    [
      'answers a byte now and then',
      (s) => void setInterval(() => s.write('H'), 20).unref(),
      'the answer is not HTTP',
    ],
    [
      'sends a header without end',
      (s) => {
        s.write('HTTP/1.1 200 OK\r\n');
        const timer = setInterval(() => s.write('a: b\r\n'), 20);
        s.on('close', () => clearInterval(timer));
      },
      'no answer within 150 ms',
    ],
    ['resets', (s) => s.once('data', () => s.resetAndDestroy()), 'connection reset'],
    ['hangs up', (s) => s.once('data', () => s.end()), 'connection reset'],
    ['speaks something else', (s) => s.write('SSH-2.0-x\r\n'), 'the answer is not HTTP'],
    [
      'has too long a header',
      (s) => s.write(`HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(9_000)}`),
      'the header of the answer is too long',
    ],
    [
      'breaks off in the body',
      (s) => {
        s.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc');
        setTimeout(() => s.destroy(), 10);
      },
      'connection reset',
    ],
  ])('fails with a server that %s', async (_, talk, reason) => {
    const port = await raw(talk);
    expect(await make(httpAt(port, { timeout: 150, body: { contains: 'abc' } }))).toMatchObject({
      outcome: 'failed',
      reason,
    });
  });

  it('fails when it is refused', async () => {
    expect(await make(httpAt(await closedPort()))).toMatchObject({ reason: 'connection refused' });
  });
});

describe('time', () => {
  it('that ran out while this thread was late itself is not held against a server', async () => {
    let reading = 0;
    const late = { total: () => (reading += 60), close: () => {} };
    const port = await raw(() => {});
    expect(await make(httpAt(port, { timeout: 100 }), late)).toMatchObject({
      outcome: 'void',
      reason: 'the director itself was late by 60 ms',
    });
    const punctual = { total: () => (reading += 20), close: () => {} };
    expect(await make(httpAt(port, { timeout: 100 }), punctual)).toMatchObject({ outcome: 'failed' });
  });

  it('that was lost does not keep an answer from passing, or a refusal from failing', async () => {
    let reading = 0;
    const late = { total: () => (reading += 5_000), close: () => {} };
    expect(await make(tcpAt(await raw(() => {})), late)).toMatchObject({ outcome: 'passed' });
    expect(await make(tcpAt(await closedPort()), late)).toMatchObject({ outcome: 'failed' });
  });
});

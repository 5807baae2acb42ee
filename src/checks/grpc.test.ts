/** The grpc check against HTTP/2 servers of this process. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createSecureServer, createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CheckTls } from '../core/model/check-protocols.ts';
import { decodeResponse } from './grpc.ts';
import {
  LOOPBACK,
  make,
  type TestAuthority,
  type TestCertificate,
  TIMING,
  testAuthority,
  testServers,
} from './servers.fixture.ts';

const servers = testServers();
afterEach(() => servers.end());

const grpcAt = (port: number, service = '', timeout = 1_000) =>
  make({ type: 'grpc', address: LOOPBACK, port, ...TIMING, timeout, grpc_service: service });

/** Answers with a message and a status, and notes what was asked. */
function health(message: Buffer, status = '0', asked: string[] = [], server: Http2Server = createServer()) {
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    const pieces: Buffer[] = [];
    stream.on('error', () => {});
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.on('end', () => {
      asked.push(`${headers[':path']} ${headers['content-type']} ${Buffer.concat(pieces).toString('hex')}`);
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }));
      stream.end(message);
    });
  });
  return servers.listen(server as unknown as Server);
}
const status = (number: number) => Buffer.from([0, 0, 0, 0, 2, 8, number]);

describe('a grpc check', () => {
  it('asks for its service, and passes when that is serving', async () => {
    const asked: string[] = [];
    const port = await health(status(1), '0', asked);
    expect(await grpcAt(port)).toMatchObject({ outcome: 'passed', reason: 'SERVING' });
    expect(await grpcAt(port, 'shop')).toMatchObject({ outcome: 'passed' });
    const path = '/grpc.health.v1.Health/Check application/grpc';
    expect(asked).toEqual([`${path} 0000000000`, `${path} 00000000060a0473686f70`]);
  });

  it.each([
    [status(2), '0', 'NOT_SERVING'],
    [Buffer.alloc(5), '0', 'UNKNOWN'],
    [Buffer.alloc(0), '5', 'grpc status NOT_FOUND'],
    [Buffer.alloc(0), '12', 'grpc status UNIMPLEMENTED'],
    [Buffer.from('garbage'), '0', 'the answer is no HealthCheckResponse'],
    [Buffer.alloc(100_000), '0', 'the answer is too long'],
  ])('fails with the answer %#', async (message, code, reason) => {
    expect(await grpcAt(await health(message, code))).toMatchObject({ outcome: 'failed', reason });
  });

  it.each<[string, (socket: Socket) => void, RegExp]>([
    ['never answers', () => {}, /^no answer within 200 ms$/],
    [
      'speaks something else',
      (socket) => socket.write('HTTP/1.1 400 Bad\r\n\r\n'),
      /^the answer is not HTTP\/2$/,
    ],
    [
      'resets',
      (socket) => socket.once('data', () => socket.resetAndDestroy()),
      /^(connection reset|the server hung up)$/,
    ],
    [
      'hangs up',
      (socket) => socket.once('data', () => socket.end()),
      /^(the server hung up|the answer is not HTTP\/2|grpc status missing)$/,
    ],
  ])('fails with a server that %s', async (_, talk, reason) => {
    const result = await grpcAt(await servers.raw(talk), '', 200);
    expect(result).toMatchObject({ outcome: 'failed', reason: expect.stringMatching(reason) });
  });

  it('fails when it is refused', async () => {
    expect(await grpcAt(await servers.closed())).toMatchObject({ reason: 'connection refused' });
  });

  describe('over TLS', () => {
    let dir: string;
    let authority: TestAuthority;
    let good: TestCertificate;
    beforeAll(() => {
      dir = mkdtempSync(join(tmpdir(), 'weir-grpc-'));
      authority = testAuthority(dir, 'ours');
      good = authority.sign('good', 'DNS:shop.example.com,IP:127.0.0.1', 30);
    });
    afterAll(() => rmSync(dir, { recursive: true }));

    const serving = (certificate: TestCertificate, asked: string[] = []) =>
      health(status(1), '0', asked, createSecureServer(certificate) as unknown as Http2Server);
    const safely = (port: number, tls: Partial<CheckTls> = {}) =>
      make({
        ...{ type: 'grpc', address: LOOPBACK, port, ...TIMING, grpc_service: 'shop' },
        tls: { verify: true, certificate_days: 14, ca: authority.certFile, ...tls },
      });

    it('asks as without, by the name that the certificate is for, or by the address', async () => {
      const asked: string[] = [];
      const port = await serving(good, asked);
      expect(await safely(port, { server_name: 'shop.example.com' })).toEqual({
        ...{ outcome: 'passed', reason: 'SERVING', tookMs: expect.any(Number) },
      });
      expect(await safely(port)).toMatchObject({ outcome: 'passed' });
      expect(asked).toEqual(
        Array(2).fill('/grpc.health.v1.Health/Check application/grpc 00000000060a0473686f70'),
      );
    });

    it('fails with a certificate that is wrong, and warns of one that is about to expire', async () => {
      const port = await serving(good);
      expect(await safely(port, { server_name: 'other.example.com' })).toMatchObject({
        ...{ outcome: 'failed', reason: expect.stringContaining('other.example.com') },
      });
      const strange = testAuthority(dir, 'strange').certFile;
      expect(await safely(port, { ca: strange })).toMatchObject({ outcome: 'failed' });
      expect(await safely(port, { ca: strange, verify: false })).toMatchObject({ outcome: 'passed' });
      const soon = await serving(authority.sign('soon', 'IP:127.0.0.1', 3));
      expect(await safely(soon)).toMatchObject({
        ...{ outcome: 'passed', warning: expect.stringMatching(/^its certificate expires on /) },
      });
    });

    it('fails with a server that has TLS and not HTTP/2, or no TLS', async () => {
      const other = createTlsServer({ ...good, ALPNProtocols: ['http/1.1'] }, (socket) =>
        socket.on('error', () => {}).end('HTTP/1.1 400 Bad\r\n\r\n'),
      );
      other.on('tlsClientError', () => {});
      expect(await safely(await servers.listen(other))).toMatchObject({ outcome: 'failed' });
      expect(await safely(await health(status(1)))).toMatchObject({ outcome: 'failed' });
    });
  });

  it('reads any bytes as a status or as none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        const found = decodeResponse(bytes);
        if (found !== undefined) expect(found).toBeLessThan(128);
      }),
    );
  });
});

/** The https check against TLS servers of this process, with certificates made here. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TlsOptions } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { HttpsCheck } from '../core/model/check.ts';
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
let dir: string;
let authority: TestAuthority;
let other: TestAuthority;
let good: TestCertificate;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-https-'));
  authority = testAuthority(dir, 'authority');
  other = testAuthority(dir, 'other');
  good = authority.sign('good', 'DNS:www.example.com,IP:127.0.0.1', 90);
});
afterEach(() => servers.end());
afterAll(() => rmSync(dir, { recursive: true }));

const secure = (options: TlsOptions, answer = 'ok\n') =>
  servers.listen(createServer(options, (_, response) => response.end(answer)));
const httpsAt = (port: number, tls: Partial<HttpsCheck['tls']> = {}, more: Partial<HttpsCheck> = {}) =>
  make({
    type: 'https',
    address: LOOPBACK,
    port,
    ...TIMING,
    method: 'GET',
    path: '/',
    status: [[200, 299]],
    ...more,
    tls: { ca: authority.certFile, verify: true, certificate_days: 14, ...tls },
  });

describe('an https check', () => {
  it('passes when the certificate is right for the name, or for the address where there is no name', async () => {
    const names: unknown[] = [];
    const port = await secure({
      ...good,
      SNICallback: (name, done) => {
        names.push(name);
        done(null);
      },
    });
    expect(await httpsAt(port, { server_name: 'www.example.com' })).toEqual({
      outcome: 'passed',
      reason: 'status 200',
      tookMs: expect.any(Number),
    });
    expect(await httpsAt(port, {}, { body: { contains: 'ok' } })).toMatchObject({ outcome: 'passed' });
    expect(names).toEqual(['www.example.com']);
    expect(await httpsAt(port, {}, { body: { contains: 'not' } })).toMatchObject({ outcome: 'failed' });
  });

  it('fails by what is wrong with the certificate', async () => {
    const expired = authority.sign('expired', 'IP:127.0.0.1', -1);
    const elsewhere = authority.sign('elsewhere', 'DNS:elsewhere.example', 90);
    const strange = other.sign('strange', 'IP:127.0.0.1', 90);
    const reason = async (options: TlsOptions, tls: Partial<HttpsCheck['tls']> = {}) => {
      const { outcome, reason: why } = await httpsAt(await secure(options), tls);
      return `${outcome}: ${why}`;
    };
    expect(await reason(expired)).toBe('failed: its certificate has expired');
    expect(await reason(elsewhere)).toBe('failed: its certificate is not for 127.0.0.1');
    expect(await reason(good, { server_name: 'mail.example.com' })).toBe(
      'failed: its certificate is not for mail.example.com',
    );
    expect(await reason(strange)).toBe('failed: its certificate is of an authority that is not known');
    expect(await reason(other)).toMatch(
      /^failed: its certificate is (signed by itself|of an authority that)/,
    );
    for (const wrong of [expired, elsewhere, strange])
      expect(await reason(wrong, { verify: false, certificate_days: 0 })).toBe('passed: status 200');
  });

  it('warns of a certificate that is about to expire, and of one that has where nobody minds', async () => {
    const soon = authority.sign('soon', 'IP:127.0.0.1', 10);
    const expires = new Date(Date.now() + 10 * 86_400_000).toISOString().slice(0, 10);
    const port = await secure(soon);
    expect(await httpsAt(port)).toMatchObject({
      outcome: 'passed',
      warning: `its certificate expires on ${expires}`,
    });
    expect(await httpsAt(port, { certificate_days: 9 })).not.toHaveProperty('warning');
    expect(await httpsAt(port, { certificate_days: 0 })).not.toHaveProperty('warning');
    const expired = authority.sign('expired', 'IP:127.0.0.1', -1);
    expect(await httpsAt(await secure(expired), { verify: false })).toMatchObject({
      outcome: 'passed',
      warning: expect.stringMatching(/^its certificate expired on \d{4}-\d\d-\d\d$/),
    });
  });

  it('shows its own certificate to a server that wants one', async () => {
    const port = await secure({ ...good, ca: other.cert, requestCert: true, rejectUnauthorized: true });
    const client = other.sign('client', 'DNS:director.example', 90);
    expect(await httpsAt(port, { cert: client.certFile, key: client.keyFile })).toMatchObject({
      outcome: 'passed',
    });
    expect(await httpsAt(port)).toMatchObject({
      outcome: 'failed',
      reason: expect.stringMatching(/^(the server refused TLS: certificate required|connection reset)$/),
    });
  });

  it('is void where the director cannot ask for files of its own', async () => {
    const port = await secure(good);
    const absent = join(dir, 'absent.pem');
    expect(await httpsAt(port, { ca: absent })).toMatchObject({
      outcome: 'void',
      reason: `the director cannot read ${absent}: ENOENT`,
    });
    expect(await httpsAt(port, { ca: dir })).toMatchObject({
      outcome: 'void',
      reason: `${dir} is not a file`,
    });
    const wrong = join(dir, 'wrong.pem');
    writeFileSync(wrong, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    expect(await httpsAt(port, { cert: wrong, key: good.keyFile })).toMatchObject({
      outcome: 'void',
      reason: expect.stringContaining(`the director cannot use ${authority.certFile}, ${wrong}`),
    });
  });

  it('fails with a server that does not speak TLS, never ends its handshake or hangs up', async () => {
    const plain = await servers.raw((socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
    expect(await httpsAt(plain)).toMatchObject({ outcome: 'failed', reason: 'the answer is not TLS' });
    const silent = await servers.raw(() => {});
    expect(await httpsAt(silent, {}, { timeout: 100 })).toMatchObject({ reason: 'no answer within 100 ms' });
    const resetting = await servers.raw((socket) => socket.once('data', () => socket.resetAndDestroy()));
    expect(await httpsAt(resetting)).toMatchObject({ outcome: 'failed', reason: 'connection reset' });
    expect(await httpsAt(await servers.closed())).toMatchObject({ reason: 'connection refused' });
  });
});

/** The API over TCP, with a certificate made here: real TLS on the loopback address. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as plainRequest } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { fixture } from './control.fixture.ts';
import { type RemoteOptions, type RemoteServer, serveRemote } from './remote.ts';
import { SecretRefused, tokenCheck } from './token.ts';

const TOKEN = '0123456789abcdefghijklmnop';
let dir: string;
let options: RemoteOptions;
let server: RemoteServer | undefined;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-remote-'));
  const [cert, key, tokenFile] = ['cert.pem', 'key.pem', 'token'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  const subject = ['-subj', '/CN=weir', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...kind, ...subject, '-keyout', key, '-out', cert], {
    stdio: 'ignore',
  });
  chmodSync(key, 0o600);
  writeFileSync(tokenFile, `${TOKEN}\n`, { mode: 0o600 });
  options = { listen: '127.0.0.1:0', cert, key, tokenFile };
});
afterEach(async () => {
  await server?.close(0);
  server = undefined;
});
afterAll(() => rmSync(dir, { recursive: true }));

async function get(path: string, headers: Readonly<Record<string, string>> = {}) {
  const ca = readFileSync(options.cert);
  const outgoing = request(`https://${server!.address}${path}`, { ca, headers, agent: false });
  outgoing.end();
  const [response] = await once(outgoing, 'response');
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

describe('over TCP', () => {
  test('who shows the token is answered as on the socket', async () => {
    server = await serveRemote(fixture().control, options);
    const answer = await get('/v1/status', { authorization: `Bearer ${TOKEN}` });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toMatchObject({ pid: 4242 });
    expect((await get('/v1/none', { authorization: `Bearer ${TOKEN}` })).status).toBe(404);
  });

  test.each([
    ['no token', {}],
    ['another', { authorization: `Bearer ${TOKEN}x` }],
    ['a beginning of it', { authorization: `Bearer ${TOKEN.slice(0, -1)}` }],
    ['none after the word', { authorization: 'Bearer ' }],
    ['it by another scheme', { authorization: `Basic ${TOKEN}` }],
  ])('%s opens no route at all', async (_, headers) => {
    const { control, calls } = fixture();
    server = await serveRemote(control, options);
    for (const path of ['/v1/status', '/v1/events', '/v1/openapi.json', '/healthz', '/none']) {
      const answer = await get(path, headers);
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toBe('Bearer realm="weir"');
      expect(JSON.parse(answer.body)).toMatchObject({ type: 'urn:weir:unauthorized' });
    }
    expect(calls).toEqual([]);
  });

  test('nothing is said without TLS', async () => {
    server = await serveRemote(fixture().control, options);
    const outgoing = plainRequest(`http://${server.address}/v1/status`, { agent: false });
    outgoing.end();
    await expect(once(outgoing, 'response')).rejects.toThrow();
  });

  test.each<[string, () => RemoteOptions, RegExp]>([
    [
      'a token that others can read',
      () => {
        const tokenFile = join(dir, 'open');
        writeFileSync(tokenFile, TOKEN);
        chmodSync(tokenFile, 0o640);
        return { ...options, tokenFile };
      },
      /mode 640.*chmod 600/,
    ],
    [
      'a token that could be guessed',
      () => {
        const tokenFile = join(dir, 'short');
        writeFileSync(tokenFile, 'secret', { mode: 0o600 });
        return { ...options, tokenFile };
      },
      /20 or more/,
    ],
    [
      'a key that anybody can read',
      () => {
        const key = join(dir, 'open.pem');
        writeFileSync(key, readFileSync(options.key));
        chmodSync(key, 0o644);
        return { ...options, key };
      },
      /mode 644/,
    ],
    ['a certificate that is none', () => ({ ...options, cert: options.tokenFile }), /makes no TLS server/],
    ['a token that is not there', () => ({ ...options, tokenFile: join(dir, 'none') }), /cannot be read/],
  ])('%s is refused', async (_, made, words) => {
    const attempt = serveRemote(fixture().control, made());
    await expect(attempt).rejects.toThrow(SecretRefused);
    await expect(attempt).rejects.toThrow(words);
  });

  test.each(['8443', 'localhost:8443', '127.0.0.1', '127.0.0.1:99999'])(
    'it does not listen on "%s"',
    async (listen) => {
      await expect(serveRemote(fixture().control, { ...options, listen })).rejects.toThrow(
        /address and port/,
      );
    },
  );
});

test('a token is compared as a whole, however the header is written', () => {
  const shows = tokenCheck(TOKEN);
  expect(shows(`bearer  ${TOKEN}`)).toBe(true);
  for (const wrong of [undefined, '', TOKEN, `Bearer ${TOKEN} x`, `Bearer ${TOKEN.toUpperCase()}`])
    expect(shows(wrong)).toBe(false);
});

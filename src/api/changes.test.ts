/** Applying, zeroing and following, over a real control socket. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ServiceKey } from '../core/model/service.ts';
import { ControlProblem, controlClient } from './client.ts';
import { EVENTS, fixture, OVERRIDES, SERVICES, VERSION_IN_FORCE } from './control.fixture.ts';
import { type Control, type EventStreamItem, NotReady } from './control.ts';
import { controlRoutes } from './routes.ts';
import { MAX_EVENT_READERS } from './routes-read.ts';
import { type ControlServer, serveControl } from './server.ts';
import { eventBody, readEvents } from './sse.ts';

let dir: string;
let server: ControlServer | undefined;
const socketPath = () => join(dir, 'weir.sock');
const client = () => controlClient(socketPath());

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-changes-'));
});
afterEach(async () => {
  await server?.close(0);
  server = undefined;
  rmSync(dir, { recursive: true });
});

async function serve(overrides: Partial<Control> = {}): Promise<string[]> {
  const { control, calls } = fixture(overrides);
  server = await serveControl(control, socketPath());
  return calls;
}

const config = { file: 'new.yaml', text: 'services: []' };

describe('a configuration', () => {
  test('is applied, for now or for good, and only to the version that is asked for', async () => {
    const calls = await serve();
    const { version } = await client().config();
    expect(version).toBe(VERSION_IN_FORCE);
    expect(await client().apply(config, { persist: false })).toMatchObject({ ok: true, persisted: false });
    await client().apply(config, { persist: true, if_version: version });
    expect(calls).toEqual([
      'apply new.yaml services: [] {"persist":false}',
      `apply new.yaml services: [] {"persist":true,"if_version":"${version}"}`,
    ]);
    const conflict = await client()
      .apply(config, { persist: false, if_version: 'older' })
      .catch((error: unknown) => error);
    expect(conflict).toBeInstanceOf(ControlProblem);
    expect(conflict).toMatchObject({ problem: { type: 'urn:weir:version-conflict', status: 412 } });
    expect(calls).toHaveLength(2);
  });

  test.each([
    ['/v1/config?persist=yes', {}, 400],
    ['/v1/config', { 'if-match': 'W/"weak"' }, 400],
    ['/v1/config', { 'if-match': '"a", "b"' }, 400],
    ['/v1/config', { 'if-match': '"older"' }, 412],
    ['/v1/config', { 'if-match': '*' }, 200],
    ['/v1/config', { 'if-match': `"${VERSION_IN_FORCE}"` }, 200],
  ])('PUT %s with %j is answered with %i', async (path, headers, status) => {
    const app = controlRoutes(fixture().control, () => {});
    const answer = await app.request(path, { method: 'PUT', headers, body: JSON.stringify(config) });
    expect(answer.status).toBe(status);
    if (status === 200) expect(answer.headers.get('etag')).toBe('"fedcba9876543210"');
  });

  test('with mistakes is a refusal', async () => {
    const refused = { ok: false, problems: ['new.yaml:1:1: no'] } as const;
    await serve({ apply: async () => refused });
    expect(await client().apply(config, { persist: false })).toEqual(refused);
  });
});

describe('a zero', () => {
  test('is of all, or of one service that there is', async () => {
    const calls = await serve();
    expect(await client().zero()).toHaveLength(SERVICES.length);
    expect(await client().zero(SERVICES[1]!.key)).toEqual([SERVICES[1]!.key]);
    await expect(client().zero('tcp 192.0.2.1:1' as ServiceKey)).rejects.toMatchObject({
      problem: { status: 404 },
    });
    expect(calls.slice(0, 2)).toEqual(['zero all', `zero ${SERVICES[1]!.key}`]);
  });
});

describe('what an operator says of servers', () => {
  test.each([
    ['192.168.1.101/drain', '', 200],
    ['192.168.1.101:8080/down', '?service=tcp/203.0.113.100:80&reason=new%20disks', 200],
    ['[fd00:1111:2222:3333:4444:5555:6666:101]:8443/up', '', 200],
    ['192.168.1.101/drain', '?deadline=5m', 200],
    ['192.168.1.101/drain', '?deadline=5', 400],
    ['192.168.1.101/drain', '?deadline=31d', 400],
    ['192.168.1.101/down', '?deadline=5m', 400],
    ['192.168.1.101/asleep', '', 400],
    ['server1/drain', '', 400],
    ['192.168.1.101/drain', '?service=web', 400],
    ['192.168.1.101/drain', '?servcie=tcp/203.0.113.100:80', 400],
    ['192.168.1.101/drain', `?reason=${'x'.repeat(201)}`, 400],
    ['192.168.1.101/drain', '?reason=a%0ab', 400],
    ['192.168.1.77/drain', '', 404],
    ['192.168.1.101/drain', '?service=tcp/203.0.113.100:81', 404],
  ])('PUT /v1/servers/%s%s is answered with %i', async (path, query, status) => {
    const { control, calls } = fixture();
    const app = controlRoutes(control, () => {});
    const encoded = path.split('/').map(encodeURIComponent).join('/');
    const answer = await app.request(`/v1/servers/${encoded}${query}`, { method: 'PUT' });
    expect(answer.status).toBe(status);
    expect(calls).toHaveLength(status === 400 ? 0 : 1);
  });

  test('goes to the director as it was asked', async () => {
    const calls = await serve();
    const how = { service: SERVICES[0]!.key, reason: 'new disks & fans' };
    expect(await client().setAdminState('192.168.1.101:8080', 'down', how)).toHaveLength(1);
    expect(await client().overrides()).toEqual(OVERRIDES);
    expect(calls[0]).toBe(`admin ${JSON.stringify({ of: '192.168.1.101:8080', state: 'down', ...how })}`);
  });
});

describe('a request that no route is described to take', () => {
  const ask = async (method: string, path: string, body?: string) => {
    const { control, calls } = fixture();
    const app = controlRoutes(control, () => {});
    const response = await app.request(path, { method, ...(body !== undefined && { body }) });
    expect(calls).toEqual([]);
    const { detail } = (await response.json()) as { detail: string };
    return { status: response.status, allow: response.headers.get('allow'), detail };
  };

  test('by another method is told which there are', async () => {
    expect(await ask('DELETE', '/v1/config')).toEqual({
      status: 405,
      allow: 'GET, HEAD, PUT',
      detail: 'It takes GET, HEAD, PUT, not DELETE.',
    });
    expect((await ask('POST', '/v1/services/tcp/203.0.113.0/28:80')).allow).toBe('GET, HEAD');
    expect((await ask('GET', '/v1/nothing')).status).toBe(404);
  });

  test.each([
    ['PUT', '/v1/dataplane/ipvs?dryrun=1', 'dryrun'],
    ['POST', '/v1/counters/zero?servcie=tcp/203.0.113.100:80', 'servcie'],
    ['GET', '/v1/connections?cleint=203.0.113.10', 'cleint'],
    ['POST', '/v1/down?dry_run=1', 'dry_run'],
  ])('%s %s has an unknown parameter and does nothing', async (method, path, name) => {
    const { status, detail } = await ask(method, path);
    expect({ status, detail }).toEqual({ status: 400, detail: expect.stringContaining(`"${name}"`) });
  });

  test('with a body that is no JSON is told so', async () => {
    for (const path of ['/v1/rules', '/v1/overrides/drop'])
      expect(await ask('POST', path, '[[')).toMatchObject({ status: 400, detail: 'the body is no JSON' });
  });
});

describe('one service', () => {
  test('is found by its key in the path, IPv6 too', async () => {
    const app = controlRoutes(fixture().control, () => {});
    for (const service of SERVICES) {
      const [protocol, endpoint] = service.key.split(' ') as [string, string];
      const answer = await app.request(`/v1/services/${protocol}/${encodeURIComponent(endpoint)}`);
      expect(await answer.json()).toEqual(service);
    }
    expect((await app.request('/v1/services/tcp/192.0.2.1:1')).status).toBe(404);
  });

  test('of several ports and addresses is found with the slash as it is, or as %2F', async () => {
    const { control } = fixture();
    const service = { ...SERVICES[0]!, key: 'tcp 203.0.113.0/28:80,443' as ServiceKey };
    const app = controlRoutes({ ...control, services: async () => [service] }, () => {});
    for (const path of ['203.0.113.0/28:80,443', '203.0.113.0%2F28:443,80']) {
      const answer = await app.request(`/v1/services/tcp/${path}`);
      expect(await answer.json()).toEqual(service);
    }
  });
});

describe('a director that is starting', () => {
  test('is alive and not ready', async () => {
    const starting = () => {
      throw new NotReady('starting');
    };
    const { control } = fixture({
      services: async () => starting(),
      readiness: () => ({ ready: false, detail: 'starting' }),
    });
    const app = controlRoutes(control, () => {});
    expect((await app.request('/healthz')).status).toBe(200);
    for (const path of ['/readyz', '/v1/services']) {
      const answer = await app.request(path);
      expect(answer.status).toBe(503);
      expect(await answer.json()).toMatchObject({ type: 'urn:weir:not-ready', detail: 'starting' });
    }
  });
});

describe('events', () => {
  async function collect(from: { after?: string; past?: boolean }): Promise<EventStreamItem[]> {
    const all: EventStreamItem[] = [];
    for await (const item of client().events(from)) all.push(item);
    return all;
  }

  test('come in order, from where they are asked for, and a gap is said', async () => {
    const calls = await serve();
    expect(await collect({ past: true })).toEqual(EVENTS.map((event) => ({ kind: 'event', event })));
    expect((await collect({ after: 'gone' }))[0]).toEqual({ kind: 'reset', id: 'life-0' });
    expect(calls).toEqual(['events after now with the past', 'events after gone']);
  });

  test('have no more readers than are allowed, and a reader that leaves makes room', async () => {
    let left = 0;
    await serve({
      async *events(_, signal) {
        yield { kind: 'event', event: EVENTS[0]! };
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        left++;
      },
    });
    const readers = Array.from({ length: MAX_EVENT_READERS }, () =>
      client().events({})[Symbol.asyncIterator](),
    );
    for (const reader of readers) expect((await reader.next()).done).toBe(false);
    const tooMany = client().events({})[Symbol.asyncIterator]();
    await expect(tooMany.next()).rejects.toMatchObject({ problem: { status: 429 } });
    for (const reader of readers) await reader.return?.();
    await expect.poll(() => left).toBe(MAX_EVENT_READERS);
    const again = client().events({})[Symbol.asyncIterator]();
    expect((await again.next()).done).toBe(false);
    await again.return?.();
  });

  test('that do not come are made up for by a comment', async () => {
    async function* silent(signal: AbortSignal): AsyncGenerator<EventStreamItem> {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    }
    let ended = 0;
    const reader = eventBody(silent, () => ended++, 10).getReader();
    const texts: string[] = [];
    for (let n = 0; n < 3; n++) texts.push(new TextDecoder().decode((await reader.read()).value));
    expect(texts[0]).toContain('retry: ');
    expect(texts.slice(1)).toEqual([': alive\n\n', ': alive\n\n']);
    await reader.cancel();
    expect(ended).toBe(1);
  });

  test('are read whole, however the pieces fall', async () => {
    async function* pieces(text: string, size: number) {
      for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
    }
    const app = controlRoutes(fixture().control, () => {});
    const text = await (await app.request('/v1/events')).text();
    for (const size of [1, 7, 1000]) {
      const items: EventStreamItem[] = [];
      for await (const item of readEvents(pieces(text, size))) items.push(item);
      expect(items).toEqual(EVENTS.map((event) => ({ kind: 'event', event })));
    }
  });
});

test('a header that is too long is refused, and the server goes on', async () => {
  await serve();
  const socket = connect(socketPath());
  socket.write(`GET /v1/status HTTP/1.1\r\nhost: weir\r\nx: ${'x'.repeat(10_000)}\r\n\r\n`);
  const answer = await new Promise<string>((resolve) => socket.once('data', (data) => resolve(String(data))));
  expect(answer).toMatch(/^HTTP\/1\.1 431 /);
  socket.destroy();
  expect(await client().status()).toMatchObject({ pid: 4242 });
});

describe('changes of rules', () => {
  const rule = { weight: 1, upper_threshold: 0, lower_threshold: 0, method: 'nat', tunnel: null };
  const server = { kind: 'add-server', service: 'tcp 203.0.113.100:80', server: '192.168.1.9:80', rule };
  const send = (path: string, body: unknown) =>
    controlRoutes(fixture().control, () => {}).request(path, { method: 'POST', body: JSON.stringify(body) });

  test.each([
    {},
    { changes: [{ ...server, service: 'tcp/203.0.113.100:80' }] },
    { changes: [{ ...server, server: '192.168.1.9' }] },
    { changes: [{ ...server, server: '192.168.1.09:80' }] },
    { changes: [{ ...server, rule: { ...rule, weight: -1 } }] },
    { changes: [{ ...server, rule: { weight: 1 } }] },
    { changes: [{ kind: 'burn' }] },
    { changes: [], also: 1 },
  ])('%j is not understood', async (body) => {
    expect((await send('/v1/rules', body)).status).toBe(400);
  });

  test('say one thing in one way', async () => {
    const calls = await serve();
    const flags = ['sh-port', 'sh-fallback', 'sh-port'] as const;
    const service = {
      scheduler: 'sh',
      scheduler_flags: flags,
      persistence: null,
      one_packet: false,
    } as const;
    const [key, of] = [SERVICES[0]!.key, { weight: 1, upper_threshold: 0, lower_threshold: 0 }];
    await client().changeRules({
      changes: [
        { kind: 'add-service', service: key, rule: service },
        {
          kind: 'add-server',
          service: key,
          server: '192.168.1.9:80',
          rule: { ...of, method: 'tunnel', tunnel: { type: 'ipip' } },
        },
      ],
      by: 'ro\u001bot',
    });
    const { changes, by } = JSON.parse(calls[0]!.slice('rules '.length));
    expect(changes[0].rule.scheduler_flags).toEqual(['sh-fallback', 'sh-port']);
    expect([changes[1].rule.tunnel, by]).toEqual([null, 'ro?ot']);
  });

  test.each([{}, { of: 'some' }, { of: [{ kind: 'plane', service: 'tcp 203.0.113.100:80' }] }])(
    'and %j names no overrides',
    async (body) => {
      expect((await send('/v1/overrides/drop', body)).status).toBe(400);
      expect((await send('/v1/overrides/write?dry_run=2', {})).status).toBe(400);
    },
  );
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Connection } from '../core/model/connection.ts';
import { ControlProblem, controlClient, DaemonUnreachable } from './client.ts';
import { CONNECTIONS, fixture, SERVICES } from './control.fixture.ts';
import type { Control } from './control.ts';
import { AlreadyRunning, type ControlServer, serveControl } from './server.ts';

let dir: string;
let socketPath: string;
let open: ControlServer[];
let reported: string[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-api-'));
  socketPath = join(dir, 'run', 'weir.sock');
  open = [];
  reported = [];
});

afterEach(async () => {
  await Promise.all(open.map((server) => server.close(0)));
  rmSync(dir, { recursive: true });
});

async function serve(control: Control) {
  const server = await serveControl(control, socketPath, (where, error) => {
    reported.push(`${where}: ${error.message}`);
  });
  open.push(server);
  return server;
}

async function collect<T>(chunks: AsyncIterable<readonly T[]>): Promise<T[]> {
  const all: T[] = [];
  for await (const chunk of chunks) all.push(...chunk);
  return all;
}

/** A raw request, for what the client never sends. */
async function raw(method: string, path: string, body = '') {
  const outgoing = request({ socketPath, method, path, headers: { host: 'weir' } });
  outgoing.end(body);
  const [response] = await once(outgoing, 'response');
  return { status: response.statusCode, type: response.headers['content-type'], body: await text(response) };
}

describe('the socket', () => {
  test('is its owner’s alone, in a directory that is too, and goes when it is closed', async () => {
    const server = await serve(fixture().control);
    expect(statSync(socketPath).mode & 0o777).toBe(0o600);
    expect(statSync(join(dir, 'run')).mode & 0o777).toBe(0o700);
    await server.close();
    await expect(controlClient(socketPath).status()).rejects.toMatchObject({ reason: 'missing' });
  });

  test('of a living daemon is left alone', async () => {
    await serve(fixture().control);
    await expect(serve(fixture().control)).rejects.toThrow(AlreadyRunning);
    await expect(serve(fixture().control)).rejects.toThrow(/already running \(pid 4242/);
    await expect(controlClient(socketPath).status()).resolves.toMatchObject({ pid: 4242 });
  });

  test('of a daemon that was killed is replaced', async () => {
    const script = `require('node:net').createServer().listen(process.argv[1], () => console.log('up'))`;
    await (await serve(fixture().control)).close();
    const child = spawn(process.execPath, ['-e', script, socketPath], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    await expect(controlClient(socketPath).status()).rejects.toMatchObject({ reason: 'refused' });
    await serve(fixture().control);
    await expect(controlClient(socketPath).status()).resolves.toMatchObject({ pid: 4242 });
  });

  test('never replaces a file that is no socket', async () => {
    socketPath = join(dir, 'precious');
    writeFileSync(socketPath, 'keep me');
    await expect(serve(fixture().control)).rejects.toThrow(/not a socket/);
    expect(statSync(socketPath).size).toBe(7);
  });

  test('with a path too long for the kernel is refused in words', async () => {
    socketPath = join(dir, 'x'.repeat(120));
    await expect(serve(fixture().control)).rejects.toThrow(/shorter run directory/);
    await expect(controlClient(socketPath).status()).rejects.toThrow(/shorter run directory/);
  });

  test('lets an answer under way get out while it closes', async () => {
    let started!: () => void;
    let finish!: () => void;
    const asked = new Promise<void>((resolve) => {
      started = resolve;
    });
    const done = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const down = async () => {
      started();
      await done;
      return ['gone'];
    };
    const server = await serve(fixture({ down }).control);
    const answer = controlClient(socketPath).down();
    await asked;
    const closed = server.close(60_000);
    finish();
    await expect(answer).resolves.toEqual(['gone']);
    await closed;
  });
});

describe('the client', () => {
  test('gets what the director says', async () => {
    const { control, calls } = fixture();
    await serve(control);
    const client = controlClient(socketPath);
    expect(await client.status()).toEqual(control.status());
    expect(await client.services()).toEqual(SERVICES);
    expect(await client.verdicts()).toEqual(control.verdicts());
    expect(await client.diff()).toEqual({ ok: true, steps: [], lines: ['no changes'] });
    await client.diff({ file: 'new.yaml', text: 'services: []' });
    expect(await client.reload()).toMatchObject({ ok: true, steps: 1 });
    expect(await client.down()).toHaveLength(2);
    expect(calls).toEqual(['diff', 'diff new.yaml services: []', 'reload', 'down']);
  });

  test('gets a refusal as a value, and any other failure as an error with its words', async () => {
    const refused = { ok: false, problems: ['weir.yaml:3:5: no'] } as const;
    const services = async () => {
      throw new Error('the map is gone');
    };
    await serve(fixture({ reload: async () => refused, diff: async () => refused, services }).control);
    const client = controlClient(socketPath);
    expect(await client.reload()).toEqual(refused);
    expect(await client.diff()).toEqual(refused);
    const error = await client.services().catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ControlProblem);
    expect(error).toMatchObject({
      message: 'the map is gone',
      problem: { type: 'urn:weir:failed', status: 500 },
    });
    expect(reported).toEqual(['GET /v1/services: the map is gone']);
  });

  test('says which way a daemon is out of reach', async () => {
    const error = await controlClient(socketPath)
      .status()
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(DaemonUnreachable);
    expect(error).toMatchObject({ reason: 'missing' });
  });
});

describe('connections', () => {
  test('are streamed, filtered by the director, and limited', async () => {
    const { control, calls } = fixture();
    await serve(control);
    const client = controlClient(socketPath);
    expect(await collect(client.connections({ filter: {} }))).toEqual(CONNECTIONS);
    expect(await collect(client.connections({ filter: {}, limit: 2 }))).toEqual(CONNECTIONS.slice(0, 2));
    const service = SERVICES[1]!.key;
    const client6 = '2001:db8:1234:5678:9abc:def0:1234:5678';
    const filter = { service, client: client6, server: '[fd00:1111:2222:3333:4444:5555:6666:101]:8443' };
    expect(await collect(client.connections({ filter }))).toEqual([CONNECTIONS[3]]);
    expect(calls.at(-1)).toBe(`connections ${JSON.stringify(filter)}`);
  });

  test('are made only as fast as they are read, and no longer than somebody reads', async () => {
    let made = 0;
    let stopped!: () => void;
    const end = new Promise<void>((resolve) => {
      stopped = resolve;
    });
    async function* endless(): AsyncIterable<readonly Connection[]> {
      try {
        for (;;) {
          made += 1000;
          yield Array.from({ length: 1000 }, () => CONNECTIONS[0]!);
          await new Promise((resolve) => setImmediate(resolve));
        }
      } finally {
        stopped();
      }
    }
    await serve(fixture({ connections: endless }).control);
    let read = 0;
    for await (const chunk of controlClient(socketPath).connections({ filter: {} })) {
      read += chunk.length;
      // Without backpressure the endless source would run away while this reader takes its time.
      for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
      if (read > 20_000) break;
    }
    await end;
    expect(made - read).toBeLessThan(20_000);
  });

  test('cut short by a failure are an error, not a short list', async () => {
    async function* failing(): AsyncIterable<readonly Connection[]> {
      yield CONNECTIONS;
      throw new Error('walk failed');
    }
    await serve(fixture({ connections: failing }).control);
    await expect(collect(controlClient(socketPath).connections({ filter: {} }))).rejects.toMatchObject({
      reason: 'broken',
    });
    expect(reported).toEqual(['GET /v1/connections: walk failed']);
  });
});

describe('what is asked wrongly', () => {
  test.each([
    ['GET', '/v1/connections?client=nobody', '', 400, 'neither an address'],
    ['GET', '/v1/connections?service=http', '', 400, 'names no service'],
    ['GET', '/v1/connections?limit=0', '', 400, 'whole number'],
    ['POST', '/v1/diff', '{"text": 1}', 400, 'Expected'],
    ['POST', '/v1/diff', 'null', 400, 'Expected'],
    ['GET', '/v2/status', '', 404, 'No route GET /v2/status'],
    ['POST', '/v1/services', '', 405, 'It takes GET, HEAD'],
  ])('%s %s %s is answered with a problem', async (method, path, body, status, words) => {
    await serve(fixture().control);
    const answer = await raw(method, path, body);
    expect(answer).toMatchObject({ status, type: 'application/problem+json' });
    expect(JSON.parse(answer.body)).toMatchObject({ status, detail: expect.stringContaining(words) });
  });
});

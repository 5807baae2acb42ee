/** The thread that makes the checks, and its end: by a fault, by silence, by the daemon's own. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CheckState } from '../core/health/state.ts';
import { type Check, type CheckKey, checkKey } from '../core/model/check.ts';
import { type CheckThread, openChecks } from './open.ts';
import { LOOPBACK, type TestServers, testServers } from './servers.fixture.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const pace = { ask: 50, answer: 3_000, restart: 50 };
const TIMES = { interval: 100, timeout: 100, rise: 1, fall: 1 };

let dir: string;
let worker: string;
let fault: string;
let thread: CheckThread | undefined;
let servers: TestServers;
const verdicts = new Map<CheckKey, string>();
const died: string[] = [];

/** The thread's own program, which does what a file asks of it when it is asked whether it is there. */
const PROGRAM = (path: string) => `
  import { existsSync, readFileSync, rmSync } from 'node:fs';
  import { parentPort } from 'node:worker_threads';
  import './worker.ts';
  parentPort.on('message', () => {
    if (!existsSync('${path}')) return;
    const what = readFileSync('${path}', 'utf8');
    rmSync('${path}');
    if (what === 'throw') setImmediate(() => { throw new Error('a fault of the test'); });
    else for (;;);
  });
`;

beforeAll(async () => {
  mkdirSync(join(root, 'build'), { recursive: true });
  // Where the libraries are found that are not bundled.
  dir = mkdtempSync(join(root, 'build/checks-'));
  [worker, fault] = [join(dir, 'worker.mjs'), join(dir, 'fault')];
  await build({
    stdin: { contents: PROGRAM(fault), resolveDir: join(root, 'src/checks') },
    ...{ bundle: true, platform: 'node', format: 'esm', external: ['koffi'], outfile: worker },
    banner: {
      js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);",
    },
  });
});
afterAll(() => rmSync(dir, { recursive: true }));
beforeEach(() => {
  servers = testServers();
});
afterEach(async () => {
  await thread?.close();
  await servers.end();
  verdicts.clear();
  died.length = 0;
});

const open = (more: Partial<typeof pace> = {}) => {
  thread = openChecks(
    {
      changed: (states) => {
        for (const [key, { verdict }] of states) verdicts.set(key, verdict);
      },
      died: ({ message }) => died.push(message),
    },
    { file: worker, pace: { ...pace, ...more } },
  );
  return thread;
};
const asMap = (...checks: readonly Check[]) => new Map(checks.map((check) => [checkKey(check), check]));
const http = (port: number): Check => ({
  ...{ type: 'http', address: LOOPBACK, port, ...TIMES, method: 'GET', path: '/', status: [[200, 299]] },
});
const exec = (text: string): Check => ({
  ...{ type: 'exec', address: LOOPBACK, port: 1, ...TIMES, interval: 60_000, timeout: 60_000 },
  command: ['/bin/sh', '-c', text],
});
const NOTHING_KNOWN: ReadonlyMap<CheckKey, CheckState> = new Map();
/** Zombies do not count: a killed one is waited for a little later. */
const isRunning = (pid: number) =>
  existsSync(`/proc/${pid}`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
const pidsIn = (file: string) => () =>
  existsSync(file) ? readFileSync(file, 'utf8').trim().split(/\s+/).map(Number) : [];

describe.each([
  ['throws', 'throw', 'a fault of the test'],
  ['hangs', 'hang', 'the thread that makes the checks does not answer for 3 s'],
])('a thread that %s', (_, what, told) => {
  it('is replaced, and told of; verdicts are kept, and checks go on from there', async () => {
    let [asked, status] = [0, 200];
    const port = await servers.listen(
      createServer((_, response) => {
        asked++;
        response.writeHead(status).end();
      }) as Server,
    );
    const down = http(await servers.closed());
    const up = http(port);
    open().set(asMap(up, down), NOTHING_KNOWN);
    const both = () => [verdicts.get(checkKey(up)), verdicts.get(checkKey(down))];
    await expect.poll(both).toEqual(['up', 'down']);
    verdicts.clear();
    writeFileSync(fault, what);
    await expect.poll(() => died).toEqual([told]);
    // While there is none, and in the next one's life, what was known is known.
    const known = async () => {
      const { states } = await thread!.report();
      return [states.get(checkKey(up))?.verdict, states.get(checkKey(down))?.verdict];
    };
    expect(await known()).toEqual(['up', 'down']);
    const before = asked;
    await expect.poll(() => asked).toBeGreaterThan(before + 2);
    expect(await known()).toEqual(['up', 'down']);
    expect([...verdicts]).toEqual([]);
    status = 500;
    await expect.poll(both).toEqual(['down', undefined]);
    expect(died.length).toBe(1);
  });

  it('leaves no program behind', async () => {
    const file = join(dir, `${what}-pids`);
    const text = `sleep 300 & echo $$ $! > ${file}.new; mv ${file}.new ${file}; wait`;
    open().set(asMap(exec(text)), NOTHING_KNOWN);
    await expect.poll(pidsIn(file)).toHaveLength(2);
    const pids = pidsIn(file)();
    expect(pids.map(isRunning)).toEqual([true, true]);
    rmSync(file);
    writeFileSync(fault, what);
    await expect.poll(() => died).toEqual([told]);
    await expect.poll(() => pids.map(isRunning), { timeout: 10_000 }).toEqual([false, false]);
    // And waited for, as nobody else would.
    await expect.poll(() => existsSync(`/proc/${pids[0]}`)).toBe(false);
  });
});

it('a thread that is closed leaves no program behind', async () => {
  const file = join(dir, 'closed-pids');
  const text = `sleep 300 & echo $$ $! > ${file}.new; mv ${file}.new ${file}; wait`;
  open().set(asMap(exec(text)), NOTHING_KNOWN);
  await expect.poll(pidsIn(file)).toHaveLength(2);
  const pids = pidsIn(file)();
  await thread!.close();
  await expect.poll(() => pids.map(isRunning), { timeout: 10_000 }).toEqual([false, false]);
  expect(died).toEqual([]);
});

it('a thread that does not answer is ended however often others ask it', async () => {
  open({ ask: 2_000 }).set(asMap(http(await servers.closed())), NOTHING_KNOWN);
  await expect.poll(() => [...verdicts.values()]).toEqual(['down']);
  writeFileSync(fault, 'hang');
  // The first of these stops it, and one of them waits whenever its own time to ask has come.
  const asking = setInterval(() => void thread!.report().catch(() => {}), 100);
  await expect.poll(() => died.length, { timeout: 20_000 }).toBe(1);
  clearInterval(asking);
});

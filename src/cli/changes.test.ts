/** `weir apply`, `weir zero` and `weir events`, against a real control socket with the director in memory behind it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  EVENTS,
  type Fixture,
  fixture,
  HISTORY,
  SERVICES,
  VERSION_IN_FORCE,
} from '../api/control.fixture.ts';
import type { Control } from '../api/control.ts';
import { type ControlServer, serveControl } from '../api/server.ts';
import { socketPathIn } from '../api/socket-path.ts';
import { main } from './main.ts';

let dir: string;
let server: ControlServer | undefined;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-cli-'));
  writeFileSync(join(dir, 'new.yaml'), 'services: []\n');
});
afterEach(async () => {
  await server?.close(0);
  server = undefined;
  rmSync(dir, { recursive: true });
});

async function serve(overrides: Partial<Control> = {}): Promise<Fixture> {
  const made = fixture(overrides);
  server = await serveControl(made.control, socketPathIn(dir));
  return made;
}

const sink = (into: string[]) =>
  new Writable({
    write(chunk, _encoding, done) {
      into.push(String(chunk));
      done();
    },
  });

async function weir(...words: string[]) {
  const [out, err]: [string[], string[]] = [[], []];
  const io = { stdout: sink(out), stderr: sink(err), env: {}, isTTY: false };
  const code = await main(['--run-dir', dir, ...words], io);
  return { code, out: out.join(''), err: err.join('') };
}

describe('weir apply', () => {
  test('sends the file, says what was done, and that it is not for good', async () => {
    const { calls } = await serve();
    const file = join(dir, 'new.yaml');
    const tried = await weir('apply', file);
    expect(tried).toMatchObject({ code: 0, out: '1 change\n', err: expect.stringContaining('--persist') });
    const kept = await weir('apply', file, '--persist', '--if-version', VERSION_IN_FORCE, '-o', 'json');
    expect(kept).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(kept.out)).toMatchObject({ version: 'fedcba9876543210', persisted: true });
    expect(calls).toEqual([
      `apply ${file} services: []\n {"persist":false}`,
      `apply ${file} services: []\n {"persist":true,"if_version":"${VERSION_IN_FORCE}"}`,
    ]);
  });

  test('exits 6 when another version is in force, 5 for a bad file, 2 without one, 4 without a daemon', async () => {
    const file = join(dir, 'new.yaml');
    expect(await weir('apply', file)).toMatchObject({ code: 4 });
    await serve();
    expect(await weir('apply', file, '--if-version', 'older')).toMatchObject({
      code: 6,
      out: '',
      err: expect.stringContaining(`version ${VERSION_IN_FORCE} is in force`),
    });
    expect(await weir('apply')).toMatchObject({ code: 2 });
    await server?.close(0);
    await serve({ apply: async () => ({ ok: false, problems: ['new.yaml:1:1: no'] }) });
    expect(await weir('apply', file)).toMatchObject({
      code: 5,
      err: expect.stringContaining('new.yaml:1:1: no'),
    });
  });
});

describe('weir zero', () => {
  test('is of all services, or of those named; of one that is not there, exit code 3', async () => {
    const { calls } = await serve();
    expect(await weir('zero')).toMatchObject({ code: 0, out: '', err: '3 services set to zero\n' });
    expect((await weir('zero', '203.0.113.100:80', '-o', 'json')).out).toBe(
      `${JSON.stringify({ services: [SERVICES[0]!.key] }, null, 2)}\n`,
    );
    expect(await weir('zero', '192.0.2.1:1')).toMatchObject({ code: 3 });
    expect(calls).toEqual(['zero all', `zero ${SERVICES[0]!.key}`]);
  });
});

describe('weir events', () => {
  test('is a line to an event, and an object for programs', async () => {
    const { calls } = await serve();
    const seen = await weir('events', '--past', '--count', '2');
    expect(seen).toMatchObject({ code: 0, err: '' });
    expect(seen.out).toBe(
      '14:05:00.000  info   reloaded  steps=3\n' +
        '14:06:00.000  warn   drift_repaired  subject=net.ipv4.ip_forward  found=0  wanted=1\n',
    );
    const exact = await weir('events', '--count', '2', '-o', 'json');
    expect(
      exact.out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(EVENTS);
    expect(calls).toEqual(['events after now with the past', 'events after now']);
  });

  test('says what is missing, and exits 4 when the daemon ends', async () => {
    await serve({
      async *events() {
        yield { kind: 'reset', id: 'life-0' };
        yield { kind: 'event', event: { ...EVENTS[0]!, fields: { text: 'a\u001b[31mred \u202eword' } } };
      },
    });
    const seen = await weir('events');
    expect(seen.code).toBe(4);
    expect(seen.err).toContain('events are missing here');
    expect(seen.out).toContain('text="a');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: nothing that a terminal would obey may get through.
    expect(seen.out).not.toMatch(/[\u001b\u202e]/);
    expect(await weir('events', '--count', 'many')).toMatchObject({ code: 2 });
  });
});

test.each([
  ['--listen 192.0.2.1:8443'],
  ['--listen 192.0.2.1:8443 --tls-cert a --tls-key b'],
  ['--token-file token'],
])('weir run %s is no way to serve the API over TCP', async (flags) => {
  expect(await weir('run', ...flags.split(' '))).toMatchObject({
    code: 2,
    err: expect.stringContaining('only with TLS and a token'),
  });
});

describe('weir servers --history', () => {
  test('lists transitions by time, of one service or all', async () => {
    await serve();
    const { out } = await weir('servers', '--history', '--no-headers');
    expect(out.split('\n').map((line) => line.replace(/ {2,}/g, '  ').trimEnd())).toEqual([
      '2026-11-22T14:02:00Z  192.168.1.101:8080  tcp 203.0.113.100:80  drained  new disks',
      '2026-11-22T14:03:00Z  192.168.1.102:8080  tcp 203.0.113.100:80  down  connection refused (tcp 192.168.1.102:8080)',
      '2026-11-22T14:04:00Z  192.168.1.101:8080  tcp 203.0.113.100:80  enabled',
      '',
    ]);
    expect(JSON.parse((await weir('servers', '--history', '-o', 'json')).out)).toEqual(HISTORY);
    const other = await weir('servers', '203.0.113.100:53', '--history');
    expect(other).toMatchObject({ code: 0, err: 'nothing has become of them since the daemon began\n' });
  });
});

describe('weir drain and the like', () => {
  test('ask for the state, and say what is left', async () => {
    const { calls } = await serve();
    const drained = await weir('drain', '192.168.1.101:8080', '--reason', 'new disks');
    expect(drained).toEqual({
      code: 0,
      out: '192.168.1.101:8080 of tcp 203.0.113.100:80: drained; 164 connections left\n',
      err: '',
    });
    expect((await weir('drain', '192.168.1.101', '--deadline', '90s')).code).toBe(0);
    for (const verb of ['undrain', 'disable', 'enable'])
      expect((await weir(verb, '192.168.1.101', '--service', '203.0.113.100:80')).code).toBe(0);
    const service = 'tcp 203.0.113.100:80';
    expect(calls).toEqual([
      'admin {"of":"192.168.1.101:8080","state":"drain","reason":"new disks"}',
      'admin {"of":"192.168.1.101","state":"drain","deadline_ms":90000}',
      ...['up', 'down', 'up'].map(
        (state) => `admin {"of":"192.168.1.101","state":"${state}","service":"${service}"}`,
      ),
    ]);
  });

  test('know no server that is not there', async () => {
    await serve();
    expect(await weir('drain', '192.168.1.77')).toMatchObject({
      code: 3,
      err: expect.stringContaining('192.168.1.77'),
    });
    expect(await weir('drain', 'web1')).toMatchObject({ code: 2 });
    expect(await weir('drain', '192.168.1.101', '--service', '192.0.2.9')).toMatchObject({ code: 3 });
  });

  test('are listed with what is left', async () => {
    await serve();
    const { out } = await weir('overrides', '--no-headers');
    expect(out.split('\n')[0]).toMatch(
      /^192\.168\.1\.101:8080 {2}tcp 203\.0\.113\.100:80 +164 {2}drained since 2026-11-22T14:02:00Z \(new disks\)$/,
    );
    expect(out.split('\n')[1]).toMatch(
      /^192\.168\.1\.104:8080 {2}tcp 203\.0\.113\.100:80 +- {2}added: weight 2 \(ipvsadm by root, \S+Z\)$/,
    );
    await server?.close(0);
    await serve({ overrides: () => [] });
    expect(await weir('overrides')).toMatchObject({ code: 0, err: 'no overrides\n' });
  });

  test('are dropped by what names them', async () => {
    const { calls } = await serve();
    const service = 'tcp 203.0.113.100:80';
    const [state, added] = [
      { kind: 'state', service, server: '192.168.1.101:8080' },
      { kind: 'server', service, server: '192.168.1.104:8080' },
    ];
    for (const [words, of] of [
      [['192.168.1.104'], [added]],
      [
        ['192.168.1.101:8080', '192.168.1.104:8080'],
        [state, added],
      ],
      [['tcp/203.0.113.100:80'], [state, added]],
      [
        ['--service', '203.0.113.100:80'],
        [state, added],
      ],
      [['--all'], 'all'],
    ] as const) {
      expect(await weir('overrides', 'drop', ...words)).toMatchObject({ code: 0, out: '1 change\n' });
      expect(calls.pop()).toBe(`drop ${JSON.stringify(of)}`);
    }
    expect(await weir('overrides', 'drop', '192.168.1.9')).toMatchObject({ code: 3 });
    expect(await weir('overrides', 'drop')).toMatchObject({ code: 2 });
    expect(await weir('overrides', 'drop', '--all', '192.168.1.101')).toMatchObject({ code: 2 });
    expect(await weir('overrides', 'keep')).toMatchObject({ code: 2 });
    expect(calls).toEqual([]);
  });

  test('are written into the file, or said why not', async () => {
    const { calls } = await serve();
    expect(await weir('overrides', 'write', '--dry-run')).toEqual({
      code: 0,
      out: '+ 9:       - {address: 192.168.1.104}\n',
      err: '1 override to be written\n',
    });
    expect(await weir('overrides', 'write')).toMatchObject({ code: 0, err: '1 override written\n' });
    expect(calls).toEqual(['write {"dry_run":true}', 'write {"dry_run":false}']);
    await server?.close(0);
    await serve({ writeOverrides: async () => ({ ok: false, problems: ['it would say something else'] }) });
    expect(await weir('overrides', 'write')).toMatchObject({
      code: 5,
      err: expect.stringContaining('something else'),
    });
  });
});

/** The command line against a real control socket; behind it stands the director in memory of control.fixture.ts. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { CONNECTIONS, type Fixture, fixture, SERVICES } from '../api/control.fixture.ts';
import type { Control } from '../api/control.ts';
import { type ControlServer, serveControl } from '../api/server.ts';
import { socketPathIn } from '../api/socket-path.ts';
import type { Connection } from '../core/model/connection.ts';
import type { Step } from '../core/plan/step.ts';
import { main, VERBS } from './main.ts';
import type { Io } from './session.ts';

let dir: string;
let server: ControlServer | undefined;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-cli-'));
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

async function weir(line: string, io: Partial<Io> = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const args = line.split(' ').filter((word) => word !== '');
  const code = await main(['--run-dir', dir, ...args], {
    stdout: sink(out),
    stderr: sink(err),
    env: {},
    isTTY: false,
    ...io,
  });
  return { code, out: out.join(''), err: err.join(''), writes: out };
}

const terminal = { isTTY: true, columns: 80 };
const lines = (text: string) => text.split('\n').slice(0, -1);
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters.
const COLOUR = /\u001b\[\d+m/;

describe('weir services', () => {
  test('is a table with the servers below their service', async () => {
    await serve();
    const { code, out, err } = await weir('services 203.0.113.100:80');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(lines(out)).toEqual([
      'SERVICE / SERVER      WEIGHT  ACTIVE  INACT  SHARE',
      'tcp 203.0.113.100:80  wlc',
      '  192.168.1.101:8080       3     120     44    76%  ███████████████▏',
      '  192.168.1.102:8080       1      39     12    24%  ████▊',
      '  192.168.1.103:8080       0       2      0     1%  ▏',
    ]);
  });

  test('shows the flags of a scheduler', async () => {
    await serve();
    expect(lines((await weir('services 203.0.113.100:53')).out)[1]).toBe(
      'udp 203.0.113.100:53  sh (sh-port)',
    );
  });

  test('without titles, and exact for programs', async () => {
    await serve();
    expect(lines((await weir('services --no-headers')).out)[0]).toBe('tcp 203.0.113.100:80  wlc');
    expect(JSON.parse((await weir('services -o json')).out)).toEqual(SERVICES);
    expect(parse((await weir('-o yaml services')).out)).toEqual(SERVICES);
  });

  test.each(['services', 'services -o wide', 'servers', 'stats', 'connections', 'version'])(
    '%s fits a terminal of 80 columns, long IPv6 addresses included',
    async (line) => {
      await serve();
      const { out } = await weir(line, { ...terminal, env: { NO_COLOR: '1' } });
      expect(Math.max(...lines(out).map((one) => one.length))).toBeLessThanOrEqual(80);
    },
  );

  test('says when there are none', async () => {
    await serve({ services: async () => [] });
    expect(await weir('services --no-headers')).toMatchObject({ code: 0, out: '', err: 'no services\n' });
  });

  test('knows a service by key, endpoint or address, and says which there are', async () => {
    await serve();
    for (const name of ['tcp/203.0.113.100:80', '203.0.113.100:80'])
      expect(JSON.parse((await weir(`services ${name} -o json`)).out)).toEqual([SERVICES[0]]);
    expect(JSON.parse((await weir('services 203.0.113.100 -o json')).out)).toHaveLength(2);
    const missing = await weir('services 203.0.113.100:81');
    expect(missing).toMatchObject({
      code: 3,
      out: '',
      err: expect.stringContaining('there is tcp 203.0.113.100:80'),
    });
    expect(await weir('servers web')).toMatchObject({ code: 2 });
  });
});

describe('weir servers and stats', () => {
  test('servers are one to a line', async () => {
    await serve();
    const { out } = await weir('servers 203.0.113.100 --no-headers');
    expect(lines(out)).toHaveLength(4);
    expect(lines(out)[0]).toBe('192.168.1.101:8080  tcp 203.0.113.100:80       3     120     44  up');
    expect(lines(out)[1]).toBe(
      '192.168.1.102:8080  tcp 203.0.113.100:80       0      39     12  down    connection refused, since 2026-11-22T14:03:00Z',
    );
    expect(lines(out)[3]).toMatch(/ 0 {2}- *$/);
  });

  test('stats count in thousands for people and exactly for programs, with the verdicts below', async () => {
    await serve();
    const { out } = await weir('stats');
    expect(out).toMatch(/^ {2}192\.168\.1\.101:8080 +111K +663K +553K +53\.1M +521M$/m);
    expect(out).toMatch(/^VERDICT +PACKETS\nforwarded +1\.20M\n/m);
    expect((await weir('stats -o wide')).out).toMatch(/^forwarded +1204881$/m);
    const { services, verdicts } = JSON.parse((await weir('stats -o json')).out);
    expect(services).toEqual(SERVICES);
    expect(verdicts).toMatchObject({ forwarded: 1_204_881 });
    expect((await weir('stats 203.0.113.100:53')).out).not.toContain('VERDICT');
  });
});

describe('weir connections', () => {
  test('has the columns of ipvsadm -Lnc', async () => {
    await serve();
    const { out } = await weir('connections --service tcp/203.0.113.100:80');
    expect(lines(out)).toEqual([
      'PRO EXPIRE STATE       SOURCE             VIRTUAL          DESTINATION',
      'tcp  14:59 ESTABLISHED 203.0.113.10:41872 203.0.113.100:80 192.168.1.101:8080',
      'tcp  08:32 ESTABLISHED 203.0.113.11:50112 203.0.113.100:80 192.168.1.102:8080',
      'tcp  01:01 FIN_WAIT    203.0.113.10:41870 203.0.113.100:80 192.168.1.103:8080',
    ]);
  });

  test('that do not fit a terminal have their ends below each other', async () => {
    await serve();
    const { out } = await weir(
      'connections --no-headers --client 2001:db8:1234:5678:9abc:def0:1234:5678',
      terminal,
    );
    expect(lines(out)).toEqual([
      'tcp  00:59 SYN_RECV    [2001:db8:1234:5678:9abc:def0:1234:5678]:54321',
      '                     → [2001:db8:aaaa:bbbb:cccc:dddd:eeee:100]:443',
      '                     → [fd00:1111:2222:3333:4444:5555:6666:101]:8443',
    ]);
  });

  test('are a JSON array, or YAML, whatever number there is', async () => {
    await serve();
    expect(JSON.parse((await weir('connections -o json')).out)).toEqual(CONNECTIONS);
    expect(JSON.parse((await weir('connections -o json --limit 1')).out)).toEqual(CONNECTIONS.slice(0, 1));
    expect(parse((await weir('connections -o yaml')).out)).toEqual(CONNECTIONS);
    const none = await weir('connections -o json --client 192.0.2.9');
    expect(none).toMatchObject({ code: 0, out: '[]\n', err: 'no connections\n' });
    expect(parse((await weir('connections -o yaml --client 192.0.2.9')).out)).toEqual([]);
  });

  test('are written chunk by chunk, and the walk ends when the reader of a pipe goes', async () => {
    let walking!: () => void;
    const stopped = new Promise<void>((resolve) => {
      walking = resolve;
    });
    async function* endless(): AsyncIterable<readonly Connection[]> {
      try {
        for (;;) {
          yield CONNECTIONS;
          await new Promise((resolve) => setImmediate(resolve));
        }
      } finally {
        walking();
      }
    }
    await serve({ connections: endless });
    let taken = 0;
    const head = new Writable({
      write(_chunk, _encoding, done) {
        taken++;
        done(taken < 3 ? null : Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
      },
    });
    expect(await weir('connections -o json', { stdout: head })).toMatchObject({ code: 0, err: '' });
    await stopped;
    expect(taken).toBe(3);
  });

  test.each([
    ['--client nobody', 2, 'neither an address'],
    ['--limit 0', 2, 'whole number'],
    ['--service 203.0.113.100', 2, 'name one of them'],
    ['--service tcp/203.0.113.9:1', 3, 'no service'],
  ])('%s is refused', async (line, code, words) => {
    await serve();
    expect(await weir(`connections ${line}`)).toMatchObject({
      code,
      out: '',
      err: expect.stringContaining(words),
    });
  });
});

describe('weir diff and reload', () => {
  const step: Step = { kind: 'set_sysctl', name: 'net.ipv4.ip_forward', from: '0', to: '1' };
  const changed = {
    ok: true,
    steps: [step],
    lines: ['~ sysctl net.ipv4.ip_forward  0 → 1', '1 change'],
  } as const;
  const refused = { ok: false, problems: ['weir.yaml:3:5: no such scheduler'] } as const;

  test('diff tells same, different and trouble apart', async () => {
    let answer: Awaited<ReturnType<Control['diff']>> = { ok: true, steps: [], lines: ['no changes'] };
    await serve({ diff: async () => answer });
    expect(await weir('diff')).toMatchObject({ code: 0, out: 'no changes\n' });
    answer = changed;
    expect(await weir('diff')).toMatchObject({
      code: 1,
      out: '~ sysctl net.ipv4.ip_forward  0 → 1\n1 change\n',
    });
    expect(JSON.parse((await weir('diff -o json')).out)).toMatchObject({ changed: true, steps: [step] });
    answer = refused;
    const bad = await weir('diff');
    expect(bad).toMatchObject({ code: 5, out: '' });
    expect(bad.err).toContain('weir.yaml:3:5: no such scheduler\n\n1 problem; nothing was changed');
  });

  test('diff fails with more than 1', async () => {
    await serve({ diff: () => Promise.reject(new Error('the map is gone')) });
    expect(await weir('diff')).toMatchObject({ code: 2, err: 'weir: the map is gone\n' });
    expect(await weir('diff /nowhere.yaml')).toMatchObject({
      code: 2,
      err: 'weir: there is no file /nowhere.yaml\n',
    });
    await server?.close(0);
    expect(await weir('diff')).toMatchObject({ code: 4 });
  });

  test('diff sends the file that is named', async () => {
    const { calls } = await serve();
    const file = join(dir, 'new.yaml');
    writeFileSync(file, 'services: []');
    await weir('diff');
    await weir(`diff ${file}`);
    await weir(`-c ${file} diff`);
    expect(calls).toEqual(['diff', `diff ${file} services: []`, `diff ${file} services: []`]);
  });

  test('reload prints what it did, or why it did nothing', async () => {
    let answer: Awaited<ReturnType<Control['reload']>> = {
      ok: true,
      steps: 1,
      lines: ['+ vip x', '1 change'],
    };
    await serve({ reload: async () => answer });
    expect(await weir('reload')).toMatchObject({ code: 0, out: '+ vip x\n1 change\n' });
    answer = refused;
    expect(await weir('reload')).toMatchObject({ code: 5, out: '' });
    expect(JSON.parse((await weir('reload -o json')).out)).toEqual(refused);
  });

  test('reload takes no other file than the daemon’s', async () => {
    const { calls } = await serve();
    expect(await weir('reload -c /etc/other.yaml')).toMatchObject({ code: 2 });
    expect(calls).toEqual([]);
    expect(await weir('reload -c /etc/weir/../weir/weir.yaml')).toMatchObject({ code: 0 });
  });

  test('what comes from a file cannot steer the terminal', async () => {
    const nasty = 'weir.yaml:1:1: "\u001b]0;owned\u0007\u009b2J\u202e"';
    await serve({ reload: async () => ({ ok: false, problems: [nasty] }) });
    const { err } = await weir('reload', terminal);
    expect(err.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    const json = await weir('reload -o json', terminal);
    expect(json.out.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(JSON.parse(json.out).problems).toEqual([nasty]);
  });
});

describe('weir check', () => {
  const good = 'samples/minimal.yaml';

  test('summarises a good file, without a daemon', async () => {
    const { code, out, err } = await weir(`check ${good}`);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(`good  ${good}\n`);
    const json = JSON.parse((await weir(`check -c ${good} -o json`)).out);
    expect(json).toMatchObject({ ok: true, file: good });
    for (const { key } of json.services) expect(out).toContain(key);
  });

  test('prints every problem of a bad one with its place, and ends with 5', async () => {
    const file = join(dir, 'bad.yaml');
    writeFileSync(file, 'director: 7\nnonsense: true\n');
    const { code, out, err } = await weir(`check ${file}`);
    expect({ code, out }).toEqual({ code: 5, out: '' });
    expect(err).toContain(`${file}:2:1: nonsense`);
    const json = await weir(`check ${file} -o json`);
    expect(json.code).toBe(5);
    const { problems } = JSON.parse(json.out);
    expect(problems.length).toBeGreaterThan(1);
    expect(err).toContain(`${problems.length} problems in ${file}`);
  });

  test('a file that is not there is a failure', async () => {
    expect(await weir('check /nowhere.yaml')).toMatchObject({
      code: 1,
      err: 'weir: there is no file /nowhere.yaml\n',
    });
  });
});

describe('weir down and version', () => {
  test('down goes through the daemon and waits for its end', async () => {
    let running: ControlServer | undefined;
    const made = await serve({
      down: async () => {
        setImmediate(() => void running?.close());
        return ['- program on eth0 (public)'];
      },
    });
    running = server;
    expect(made.calls).toEqual([]);
    expect(await weir('down')).toMatchObject({ code: 0, out: '- program on eth0 (public)\n', err: '' });
    expect(await weir('services')).toMatchObject({ code: 4 });
  });

  test('version answers with and without a daemon', async () => {
    const without = await weir('version -o json');
    expect(without.code).toBe(0);
    expect(JSON.parse(without.out)).toMatchObject({ daemon: null });
    await serve();
    const { out } = await weir('version');
    expect(out).toMatch(/^weir {4}\d+\.\d+\.\d+\ndaemon {2}0\.1\.0, pid 4242, since /);
  });
});

describe('weir', () => {
  test.each(['services', 'servers', 'connections', 'stats', 'reload', 'diff'])(
    '%s without a daemon ends with 4 and advice',
    async (verb) => {
      const answer = await weir(verb);
      expect(answer).toMatchObject({ code: 4, out: '', err: expect.stringContaining('weir run') });
    },
  );

  test('a failure in the director ends with 1 and its words', async () => {
    await serve({ services: () => Promise.reject(new Error('the map is gone')) });
    expect(await weir('services')).toMatchObject({ code: 1, out: '', err: 'weir: the map is gone\n' });
  });

  test.each([
    ['servces', 'Did you mean services?'],
    ['services --wat', 'unknown option'],
    ['services -o xml', 'table, wide, json, yaml'],
    ['services one two', 'too many arguments'],
    ['', 'Usage: weir'],
  ])('"%s" is a mistake of usage', async (line, words) => {
    expect(await weir(line)).toMatchObject({ code: 2, out: '', err: expect.stringContaining(words) });
  });

  test.each(VERBS.map(({ name }) => name))('%s --help shows examples within 80 columns', async (verb) => {
    const { code, out, err } = await weir(`${verb} --help`);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(new RegExp(`^Examples:\n  weir .*${verb}`, 'm'));
    expect(out).toContain('--run-dir <dir>');
    expect(Math.max(...lines(out).map((line) => line.length))).toBeLessThanOrEqual(80);
    expect((await weir(`help ${verb}`)).out).toBe(out);
  });

  test('--help lists every verb', async () => {
    const { code, out } = await weir('--help');
    expect(code).toBe(0);
    for (const { name, summary } of VERBS) expect(out).toMatch(new RegExp(`^  ${name} +${summary}$`, 'm'));
  });

  test('colours only where they are wanted', async () => {
    await serve();
    const colored = async (line: string, io: Partial<Io>) => COLOUR.test((await weir(line, io)).out);
    expect(await colored('services', {})).toBe(false);
    expect(await colored('services', terminal)).toBe(true);
    expect(await colored('services', { ...terminal, env: { NO_COLOR: '1' } })).toBe(false);
    expect(await colored('services', { ...terminal, env: { TERM: 'dumb' } })).toBe(false);
    expect(await colored('services --color never', terminal)).toBe(false);
    expect(await colored('services --color always', {})).toBe(true);
    expect(await colored('services -o json', terminal)).toBe(false);
  });
});

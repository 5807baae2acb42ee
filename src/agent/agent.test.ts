import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Address, parseEndpoint, parsePrefix } from '../core/address/address.ts';
import type { Log } from '../observe/log.ts';
import { runCommand } from './command.ts';
import { type AgentOptions, agentAnswers } from './run.ts';
import { type Answering, MAX_CONNECTIONS, serveAgent } from './serve.ts';
import { writeWanted } from './state-file.ts';

let dir: string;
const open: Answering[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-agent-'));
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  rmSync(dir, { recursive: true });
});

const proc = (name: string, text: string) => writeFileSync(join(dir, name), text);
const options = (more: Partial<AgentOptions> = {}): AgentOptions => ({
  listen: parseEndpoint('127.0.0.1:9999')!,
  allow: [],
  sources: ['load', 'memory'],
  floor: 1,
  timeoutMs: 2_000,
  command: [],
  proc: dir,
  stateFile: join(dir, 'state'),
  logLevel: 'silent',
  ...more,
});
const quiet = (told: string[] = []) => {
  const note = (event: string, { what, reason }: { what?: string; reason?: string } = {}) => {
    told.push([event, what, reason].filter(Boolean).join(' '));
  };
  return { info: note, warn: note } as unknown as Log;
};
/** Each call of it is as if a second had gone by since the one before. */
const answers = (given: AgentOptions, log: Log) => () => agentAnswers(given, log)();

/** All that is answered to a connection; '' for a close without a word. */
const ask = (port: number, from = '127.0.0.1', send?: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, localAddress: from });
    let heard = '';
    if (send !== undefined) socket.write(send);
    socket.on('data', (piece) => {
      heard += piece.toString();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(heard));
  });
const serve = async (
  answer: () => Promise<string | undefined>,
  allow = ['127.0.0.0/8'],
  refused: string[] = [],
) => {
  const one = await serveAgent({
    listen: { address: '127.0.0.1' as Address, port: 0 },
    allow: allow.map((text) => parsePrefix(text)!),
    answer,
    refused: (address) => void refused.push(address),
  });
  open.push(one);
  return one.at.port;
};

describe('what is answered', () => {
  beforeEach(() => {
    proc('stat', 'cpu  1 2\ncpu0 1 2\ncpu1 1 2\nprocs_running 1\n');
    proc('loadavg', '0.50 0.20 0.10 1/99 1234\n');
    proc('meminfo', 'MemTotal: 1000 kB\nMemAvailable: 900 kB\n');
  });

  it('is the least of what is measured, and what is wanted', async () => {
    const answer = answers(options(), quiet());
    expect(await answer()).toBe('up ready 75% # load 0.50 on 2 CPUs\n');
    proc('meminfo', 'MemTotal: 1000 kB\nMemAvailable: 50 kB\n');
    expect(await answer()).toBe('up ready 25% # 5% of the memory available\n');
    writeWanted(join(dir, 'state'), { state: 'drain', reason: 'new disks' });
    expect(await answer()).toBe('up drain 25% # new disks\n');
  });

  it('takes the pressure where the kernel has it', async () => {
    const answer = answers(options({ sources: ['queue'] }), quiet());
    expect(await answer()).toContain('100% # 0 in the run queue of 2 CPUs');
    mkdirSync(join(dir, 'pressure'));
    proc('pressure/cpu', 'some avg10=40.00 avg60=1.00 avg300=0.50 total=1\n');
    expect(await answer()).toContain('60% #');
  });

  it('counts what can be measured, says what cannot once, and is nothing when nothing can', async () => {
    const told: string[] = [];
    const one = options();
    const answer = agentAnswers(one, quiet(told));
    proc('meminfo', 'nothing');
    expect(await answer()).toContain('75% # load');
    expect(told).toEqual(['agent_trouble memory what it says is not understood']);
    rmSync(join(dir, 'loadavg'));
    expect(await answers(one, quiet())()).toBeUndefined();
    // What an operator wants is said all the same.
    writeWanted(one.stateFile, { state: 'maint', reason: '' });
    expect(await answers(one, quiet())()).toBe('up maint\n');
  });

  it('is taken once a second, whoever asks', async () => {
    const answer = agentAnswers(options(), quiet());
    const [first] = await Promise.all([answer(), answer()]);
    proc('loadavg', '2.00 0.20 0.10 1/99 1234\n');
    expect(await answer()).toBe(first);
  });

  it('is what was wanted before while the file makes no sense', async () => {
    const told: string[] = [];
    proc('state', 'drian\n');
    expect(await answers(options(), quiet(told))()).toContain('up ready 75%');
    expect(told[0]).toContain('holds none of ready, drain, maint, down, stopped');
  });

  it('may be a figure of a program', async () => {
    const command = ['/bin/sh', '-c', 'echo 40%; sleep 60 & exit 0'];
    expect(await answers(options({ sources: ['load', 'command'], command }), quiet())()).toBe(
      'up ready 40% # its command says 40%\n',
    );
  });
});

it.each([
  [['/bin/sh', '-c', 'echo 1; exit 3'], 'ended with status 3'],
  [['/bin/sh', '-c', 'kill -9 $$'], 'was ended by SIGKILL'],
  [['/no/such/program'], 'cannot be run: ENOENT'],
])('has no figure of %j', async (command, why) => {
  await expect(runCommand(command, 5_000)).rejects.toThrow(`${command[0]} ${why}`);
});

it('ends a program that takes too long, and those it has started', async () => {
  await expect(runCommand(['/bin/sh', '-c', 'sleep 60 & sleep 60'], 200)).rejects.toThrow(
    'was killed after 200 ms',
  );
});

describe('over TCP', () => {
  it('answers each connection by one line, and lets them say what they like first', async () => {
    const port = await serve(async () => 'up ready 75%\n');
    expect(await ask(port)).toBe('up ready 75%\n');
    expect(await ask(port, '127.0.0.1', 'who are you?\n'.repeat(100))).toBe('up ready 75%\n');
  });

  it('closes without a word where there is no answer', async () => {
    expect(await ask(await serve(async () => undefined))).toBe('');
  });

  it('answers nobody who is not allowed', async () => {
    const refused: string[] = [];
    const port = await serve(async () => 'up\n', ['127.0.0.2/32'], refused);
    const stranger = await ask(port).catch((error: NodeJS.ErrnoException) => error.code);
    expect(['', 'ECONNRESET']).toContain(stranger);
    expect(refused).toEqual(['127.0.0.1']);
    expect(await ask(port, '127.0.0.2')).toBe('up\n');
  });

  it('has an end to the number of connections, and goes on', async () => {
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const port = await serve(() => gate.then(() => 'up\n'));
    let turnedAway = 0;
    const many = Array.from({ length: MAX_CONNECTIONS + 20 }, () =>
      ask(port)
        .catch(() => '')
        .then((line) => {
          if (line === '') turnedAway++;
          return line;
        }),
    );
    // Those too many are closed while the others still wait.
    await expect.poll(() => turnedAway, { interval: 20, timeout: 5_000 }).toBe(20);
    release();
    expect((await Promise.all(many)).filter((line) => line === 'up\n')).toHaveLength(MAX_CONNECTIONS);
    expect(await ask(port)).toBe('up\n');
  });
});

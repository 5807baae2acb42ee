/** The exec check with small programs of the test. */
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LOOPBACK, make, TIMING } from './servers.fixture.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-exec-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

const run = (command: readonly string[], timeout = 10_000) =>
  make({ type: 'exec', address: LOOPBACK, port: 81, ...TIMING, timeout, command });
const withFeedback = (command: readonly string[], timeout = 10_000) =>
  make({
    type: 'exec',
    address: LOOPBACK,
    port: 81,
    ...TIMING,
    timeout,
    command,
    feedback: { floor: 10, ceiling: 100, smoothing: 0 },
  });
/** Only here is there a shell: it is the program that is run. */
const script = (text: string, ...more: string[]) => run(['/bin/sh', '-c', text, 'script', ...more]);

describe('an exec check', () => {
  it('goes by the exit status, and tells the first line of the output', async () => {
    expect(await script('echo fine; echo more')).toMatchObject({
      outcome: 'passed',
      reason: 'exit status 0: fine',
    });
    expect(await script('echo why >&2; exit 1')).toMatchObject({
      outcome: 'failed',
      reason: 'exit status 1: why',
    });
    expect(await script('exit 17')).toMatchObject({ outcome: 'failed', reason: 'exit status 17' });
    expect(await script('kill -SEGV $$')).toMatchObject({ outcome: 'failed', reason: 'ended by SIGSEGV' });
    expect((await script('printf "\\033[2Jx\\200%0500d" 7; exit 1')).reason).toMatch(
      /^exit status 1: [\x20-\x7e]{30,60}…$/,
    );
  });

  it.each([
    ['exit 0', 'passed', 100],
    ['exit 1', 'failed', undefined],
    ['exit 2', 'passed', 0],
    ['exit 27', 'passed', 25],
    ['exit 255', 'passed', 253],
    ['kill -SEGV $$', 'failed', undefined],
  ])('with feedback takes %j for %s, %s', async (text, outcome, figure) => {
    const result = await withFeedback(['/bin/sh', '-c', text]);
    expect([result.outcome, result.figure]).toEqual([outcome, figure]);
  });

  it('with feedback holds a program that does not end against nobody', async () => {
    const result = await withFeedback(['/bin/sleep', '10'], 100);
    expect(result).toMatchObject({ outcome: 'void', reason: 'no answer within 100 ms' });
  });

  it('gives arguments as they are, and puts the target into them', async () => {
    const { reason } = await script('printf "%s|" "$@"', '{address}', 'p{port}', '$(id)', 'a b;c');
    expect(reason).toBe('exit status 0: 127.0.0.1|p81|$(id)|a b;c|');
  });

  it('lets the program see the target, and nothing of the environment or the descriptors of the daemon', async () => {
    process.env['WEIR_TEST_SECRET'] = 'hunter2';
    const file = join(dir, 'seen');
    const own = openSync(join(dir, 'own'), 'w');
    try {
      expect(
        await script('env > "$1"; pwd >> "$1"; ls /proc/self/fd | tr "\\n" " " >> "$1"', file),
      ).toMatchObject({
        outcome: 'passed',
      });
    } finally {
      delete process.env['WEIR_TEST_SECRET'];
      closeSync(own);
    }
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    const names = lines.filter((line) => line.includes('=')).map((line) => line.split('=')[0]);
    // The shell adds a few by itself.
    expect(names.filter((name) => !/^(PWD|SHLVL|_|OLDPWD)$/.test(name!)).sort()).toEqual([
      ...['LANG', 'PATH', 'WEIR_ADDRESS', 'WEIR_PORT', 'WEIR_TIMEOUT_MS'],
    ]);
    expect(lines).toEqual(expect.arrayContaining(['WEIR_ADDRESS=127.0.0.1', 'WEIR_PORT=81', '/']));
    // 0, 1 and 2, the directory that ls reads, and what this process itself has been left by who started it.
    const inherited = readdirSync('/proc/self/fd').filter(isInherited);
    if (own > 3) expect(lines.at(-1)!.split(' ')).not.toContain(String(own));
    expect(
      lines
        .at(-1)!
        .split(' ')
        .filter((fd) => Number(fd) > 3 && !inherited.includes(fd)),
    ).toEqual([]);
  });

  it('kills what runs too long, with all that it has started', async () => {
    const file = join(dir, 'group');
    const text = 'sleep 300 & echo $$ $! > "$1"; wait';
    expect(await run(['/bin/sh', '-c', text, 'script', file], 400)).toMatchObject({
      outcome: 'failed',
      reason: 'no answer within 400 ms',
    });
    for (const pid of readFileSync(file, 'utf8').trim().split(' '))
      await expect.poll(() => isRunning(pid)).toBe(false);
  });

  it('does not wait for what a program leaves behind', async () => {
    const file = join(dir, 'left');
    expect(await script('sleep 300 & echo $! > "$1"; exit 0', file)).toMatchObject({ outcome: 'passed' });
    await expect.poll(() => isRunning(readFileSync(file, 'utf8').trim())).toBe(false);
  });

  it('reads endless output without keeping it', async () => {
    expect(await run(['/usr/bin/yes'], 300)).toMatchObject({
      outcome: 'failed',
      reason: 'no answer within 300 ms',
    });
  });

  it('is void when the program cannot be run', async () => {
    const absent = join(dir, 'absent');
    expect(await run([absent])).toMatchObject({
      outcome: 'void',
      reason: `the director cannot run ${absent}: ENOENT`,
    });
    const plain = join(dir, 'plain');
    writeFileSync(plain, 'x', { mode: 0o600 });
    expect(await run([plain])).toMatchObject({ outcome: 'void', reason: expect.stringContaining('EACCES') });
  });
});

/** True for a descriptor without O_CLOEXEC (proc(5), fdinfo): Node.js opens none like that. */
function isInherited(fd: string): boolean {
  try {
    const flags = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & 0o2000000) === 0;
  } catch {
    return false;
  }
}

/** Zombies do not count: who has started them may not have waited for them yet. */
function isRunning(pid: string): boolean {
  const stat = `/proc/${pid}/stat`;
  if (!existsSync(stat)) return false;
  try {
    return !/\) Z /.test(readFileSync(stat, 'utf8'));
  } catch {
    return false;
  }
}

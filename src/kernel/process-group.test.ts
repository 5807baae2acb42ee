import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { endOrphan } from './orphan.ts';
import { startGroup } from './process-group.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-group-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

const env = { WEIR_TEST: 'told' };
const shell = (text: string, watch?: (pid: number) => () => void) =>
  startGroup(['/bin/sh', '-c', text, 'sh', join(dir, 'pid')], { env, stdout: true, ...(watch && { watch }) });
const exited = ({ child }: ReturnType<typeof shell>) =>
  new Promise<void>((resolve) => child.once('close', () => resolve()));
/** Zombies do not count. */
const isRunning = (pid: number) =>
  existsSync(`/proc/${pid}`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
const written = async () => {
  await expect.poll(() => existsSync(join(dir, 'pid'))).toBe(true);
  const pid = Number(readFileSync(join(dir, 'pid'), 'utf8'));
  rmSync(join(dir, 'pid'));
  return pid;
};

it('keeps the beginning of what is said', async () => {
  const group = shell('head -c 100000 /dev/zero | tr "\\0" x; echo why >&2');
  await exited(group);
  expect(group.said.out.toString()).toBe('x'.repeat(512));
  expect(group.said.err.toString()).toBe('why\n');
});

it('tells a program what it is told, where programs lie, and nothing else', async () => {
  const group = shell('/usr/bin/env');
  await exited(group);
  const own = group.said.out.toString().trim().split('\n').sort();
  // The shell adds a few by itself.
  expect(own.filter((line) => !/^(PWD|SHLVL|_|OLDPWD)=/.test(line))).toEqual([
    'LANG=C',
    'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
    'WEIR_TEST=told',
  ]);
});

it('tells a watch of what begins, and when its number may be another’s', async () => {
  const told: string[] = [];
  const group = shell('exit 3', (pid) => {
    told.push(`begins ${pid}`);
    return () => told.push(`ended ${pid}`);
  });
  await exited(group);
  const { pid } = group.child;
  expect(told).toEqual([`begins ${pid}`, `ended ${pid}`]);
  startGroup([join(dir, 'absent')], { env, stdout: false, watch: () => told.push }).child.on(
    'error',
    () => {},
  );
  expect(told.length).toBe(2);
});

it('ends a group of this process, and waits for its program', async () => {
  const group = shell('sleep 300 & echo $! > "$1.new"; mv "$1.new" "$1"; wait');
  const sleeper = await written();
  endOrphan(group.child.pid!);
  await expect.poll(() => isRunning(sleeper)).toBe(false);
  await expect.poll(() => existsSync(`/proc/${group.child.pid}`)).toBe(false);
});

it('leaves alone what is not a child of this process', async () => {
  // A session of its own, so that the end of its parent's group does not end it.
  const group = shell(
    'setsid sh -c \'echo $$ > "$1.new"; mv "$1.new" "$1"; exec sleep 300\' sh "$1" >/dev/null 2>&1 & wait',
  );
  const other = await written();
  endOrphan(other);
  endOrphan(2 ** 22 + 1);
  group.kill();
  await exited(group);
  expect(isRunning(other)).toBe(true);
  process.kill(other, 'SIGKILL');
});

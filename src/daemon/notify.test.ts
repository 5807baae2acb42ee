import { chmodSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { NotifyCommand } from '../core/model/notify.ts';
import type { Log } from '../observe/log.ts';
import { MAX_WAITING, Notifier } from './notify.ts';

let dir: string;
let notifier: Notifier;
let told: string[];
const waiting = { timeout: 10_000, interval: 10 };

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-notify-'));
  told = [];
  const warn = (event: string, fields: object = {}) => {
    told.push([event, ...Object.values(fields)].join(' '));
  };
  notifier = new Notifier({ warn } as unknown as Log);
});
afterEach(() => {
  notifier.close();
  rmSync(dir, { recursive: true });
});

/** A program of these lines. */
function program(...lines: string[]): string {
  const path = join(dir, 'tell');
  writeFileSync(path, `#!/bin/sh\n${lines.join('\n')}\n`);
  chmodSync(path, 0o755);
  return path;
}
const adopt = (command: string[], timeout = 10_000) => {
  const one: NotifyCommand = { command, events: ['server_down', 'server_up'], timeout };
  notifier.adopt([one]);
};
const tell = (event: string, reason = 'gone') =>
  notifier.tell({ event, time: 'T', fields: { service: 'tcp 1', server: 'a:1', reason } });
const out = () => {
  try {
    return readFileSync(join(dir, 'out'), 'utf8');
  } catch {
    return '';
  }
};
const gone = (pid: number) => {
  try {
    // A zombie that nobody has waited for yet is no longer running either.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return true;
  }
};

it('passes arguments and environment on as they are, and nothing else', async () => {
  process.env['A_SECRET'] = 'hunter2';
  const own = openSync(join(dir, 'held'), 'w');
  adopt([
    program(`echo "$*|$WEIR_REASON" >>${dir}/out; env >>${dir}/out; ls -l /proc/self/fd >${dir}/fds`),
    '$(id); x',
  ]);
  tell('panic_on');
  tell('server_down', '`id`; "$HOME"');
  await vi.waitFor(() => expect(readFileSync(join(dir, 'fds'), 'utf8')).toMatch(/\n/), waiting);
  expect(out()).toContain('$(id); x server_down tcp 1 a:1|`id`; "$HOME"\n');
  expect(out()).not.toContain('panic_on');
  expect(out()).not.toContain('hunter2');
  const held = readFileSync(join(dir, 'fds'), 'utf8');
  expect(held).toContain('/dev/null');
  expect(held).not.toContain(dir.concat('/held'));
  closeSync(own);
  delete process.env['A_SECRET'];
});

it('runs a command once at a time, in the order of events', async () => {
  adopt([
    program(
      `mkdir ${dir}/lock || echo twice >>${dir}/out; echo $WEIR_REASON >>${dir}/out; rmdir ${dir}/lock`,
    ),
  ]);
  for (let i = 0; i < 6; i++) tell(i % 2 === 0 ? 'server_down' : 'server_up', `${i}`);
  await vi.waitFor(() => expect(out()).toBe('0\n1\n2\n3\n4\n5\n'), waiting);
});

it('kills a command that takes too long, with all that it has started', async () => {
  adopt([program(`sleep 1000 & echo $! >${dir}/out; echo slow >&2; wait`)], 300);
  tell('server_down');
  await vi.waitFor(() => expect(told).toHaveLength(1), waiting);
  expect(told[0]).toMatch(/^notify_command_failed \S+ server_down killed after 300 ms: slow$/);
  await vi.waitFor(() => expect(gone(Number(out()))).toBe(true), waiting);
});

it('says what is wrong: an exit status, a program that is not there', async () => {
  adopt([program('echo no way >&2', 'exit 3')]);
  tell('server_down');
  await vi.waitFor(() => expect(told).toHaveLength(1), waiting);
  expect(told[0]).toMatch(/exit status 3(: no way)?$/);
  adopt([join(dir, 'absent')]);
  tell('server_up');
  await vi.waitFor(() => expect(told).toHaveLength(2), waiting);
  expect(told[1]).toMatch(/cannot be run: ENOENT$/);
});

it('lets only so many events wait, and says how many it has dropped', async () => {
  const path = program(`[ -e ${dir}/go ] || sleep 1000`);
  adopt([path], 60_000);
  for (let i = 0; i < MAX_WAITING + 4; i++) tell('server_down');
  // One runs, so three are too many.
  expect(told).toEqual([`notify_dropped ${path}`]);
  adopt([path, 'other']);
  expect(told).toHaveLength(1);
});

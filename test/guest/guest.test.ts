/** The guest itself: what a job finds in it, and that it ends. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findGuest, runInGuest } from '../../src/lab/guest/guest.ts';

const guest = findGuest();

describe.skipIf(guest === undefined)('the guest', () => {
  let run: string;
  beforeAll(() => {
    run = mkdtempSync(join(tmpdir(), 'weir-guest-test-'));
  });
  afterAll(() => rmSync(run, { recursive: true, force: true }));

  it('has ip_vs, a network of its own, the host’s files, and changes none of them', async () => {
    const mark = `/var/tmp/weir-guest-${process.pid}`;
    const script = [
      'cat',
      'ipvsadm -A -t 203.0.113.1:80 -s mh && ipvsadm -Sn',
      'ls /sys/class/net',
      `touch ${mark} && test -e ${mark}`,
      'echo aside >&2',
      'exit 3',
    ].join('\n');
    const result = await runInGuest(guest!, run, { argv: ['sh', '-c', script], input: "it's read\n" });
    expect(result).toMatchObject({
      code: 3,
      stdout: "it's read\n-A -t 203.0.113.1:80 -s mh\ndummy0\nlo\n",
      stderr: 'aside\n',
    });
    expect(existsSync(mark)).toBe(false);
  });

  it('ends a job whose time is up', async () => {
    const result = await runInGuest(guest!, run, { argv: ['sleep', '1000'], timeout: 1 });
    expect(result.code).toBe(143);
  });

  it('says what its kernel said when the job could not be run', async () => {
    const tools = join(run, 'tools');
    mkdirSync(join(tools, 'usr/bin'), { recursive: true });
    symlinkSync(join(guest!.tools, 'usr/bin/linux.uml'), join(tools, 'usr/bin/linux.uml'));
    const job = runInGuest({ ...guest!, tools }, run, { argv: ['true'] });
    await expect(job).rejects.toThrow(/the guest did not run true; its kernel said:[\s\S]*Kernel panic/);
  });
});

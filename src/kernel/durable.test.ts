import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { withSmallFiles } from '../../test/support/small-files.ts';
import { NotWritten, writeDurably } from './durable.ts';
import { versionIn } from './whole-text.fixture.ts';

let directory: string;
let path: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'weir-durable-'));
});
beforeEach(() => {
  path = join(mkdtempSync(join(directory, 'case-')), 'file');
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const beside = () => readdirSync(join(path, '..'));

describe('writeDurably', () => {
  it('replaces a file, with its permissions', () => {
    writeDurably(path, 'before');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    writeDurably(path, 'after', { mode: 0o644 });
    expect(readFileSync(path, 'utf8')).toBe('after');
    expect(statSync(path).mode & 0o777).toBe(0o644);
    expect(beside()).toEqual(['file']);
  });

  it('leaves nothing half written where it cannot, and says so', () => {
    mkdirSync(join(path, 'inside'), { recursive: true });
    expect(() => writeDurably(path, 'text')).toThrow(/file cannot be written, and is as it was: EISDIR/);
    expect(beside()).toEqual(['file']);
    expect(existsSync(join(path, 'inside'))).toBe(true);
  });

  it('leaves the old file where the disk gets full, and no room taken', () => {
    writeDurably(path, 'before');
    const write = () => writeDurably(path, 'x'.repeat(5_000));
    expect(() => withSmallFiles(4_096, write)).toThrow(NotWritten);
    expect(readFileSync(path, 'utf8')).toBe('before');
    expect(beside()).toEqual(['file']);
    write();
    expect(readFileSync(path, 'utf8')).toHaveLength(5_000);
  });

  it('takes away what killed writers have left, and nobody else’s', () => {
    const others = [
      'file.tmp',
      'file.1-0123abcd.tmp',
      'file.99999999-0123abcd.txt',
      'files.99999999-0123abcd.tmp',
    ];
    for (const name of ['file.99999999-0123abcd.tmp', `file.${process.pid}-0123abcd.tmp`, ...others])
      writeFileSync(join(path, '..', name), 'half');
    writeDurably(path, 'text');
    expect(beside().sort()).toEqual(['file', ...others].sort());
  });
});

describe('writeDurably, killed', () => {
  let program: string;
  beforeAll(() => {
    program = join(directory, 'writer.mjs');
    const entry = fileURLToPath(new URL('durable-writer.fixture.ts', import.meta.url));
    buildSync({ entryPoints: [entry], outfile: program, bundle: true, platform: 'node', format: 'esm' });
  });

  /** Nothing of a killed write is in the way of the next, or stays after it. */
  const goesOn = () => {
    writeDurably(path, 'text');
    expect(readFileSync(path, 'utf8')).toBe('text');
    expect(beside()).toEqual(['file']);
  };

  it('before or after any of its calls, leaves the old file until the new one is whole and on the disk', () => {
    const moments: string[] = [];
    const after: string[] = [];
    for (;;) {
      const args = [program, path, String(moments.length + 1)];
      const { signal, status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
      if (status === 0) break;
      expect(signal).toBe('SIGKILL');
      moments.push(stdout);
      const version = versionIn(readFileSync(path, 'utf8'));
      if (version === 2) after.push(stdout);
      else expect(version).toBe(1);
      goesOn();
    }
    // fsync(2) of the file before the rename, or a crash of the machine may leave an empty one; of the directory after it.
    const calls = moments.filter((_, i) => i % 2 === 1).map((one) => one.replace('after ', ''));
    expect(calls.slice(calls.indexOf('writeFileSync'))).toEqual([
      ...['writeFileSync', 'fchmodSync', 'fsyncSync', 'closeSync', 'renameSync'],
      ...['openSync', 'fsyncSync', 'closeSync'],
    ]);
    expect(after).toEqual(moments.slice(moments.indexOf('after renameSync')));
  });

  it('at whatever moment, leaves one version whole', async () => {
    const seen = new Set<number | undefined>();
    let leftovers = 0;
    for (let round = 0; round < 15; round++) {
      const child = spawn(process.execPath, [program, path], { stdio: ['ignore', 'pipe', 'inherit'] });
      await new Promise((resolve) => child.stdout.once('data', resolve));
      const ended = new Promise((resolve) => child.once('close', resolve));
      // Any moment will do: what must hold, holds at all of them.
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 15));
      child.kill('SIGKILL');
      await ended;
      const version = versionIn(readFileSync(path, 'utf8'));
      expect(version).toBeGreaterThan(0);
      seen.add(version);
      if (beside().length > 1) leftovers += 1;
    }
    goesOn();
    // Else it was never killed in the middle.
    expect(leftovers).toBeGreaterThan(0);
    expect(seen.size).toBeGreaterThan(1);
  });
});

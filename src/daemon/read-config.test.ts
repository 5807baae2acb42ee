import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { VersionConflict } from '../api/control.ts';
import { versionOf, writeConfig } from './read-config.ts';

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weir-config-'));
  file = join(directory, 'weir.yaml');
  writeFileSync(file, 'old');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

it('writes the file in its place, and leaves link, owner and permissions', async () => {
  const link = join(directory, 'link.yaml');
  symlinkSync(file, link);
  chmodSync(file, 0o640);
  const { uid } = statSync(file);
  const owner = uid === 0 ? 1 : uid;
  chownSync(file, owner, statSync(file).gid);
  await writeConfig(link, 'new', versionOf('old'));
  expect(readFileSync(file, 'utf8')).toBe('new');
  expect(statSync(file)).toMatchObject({ mode: 0o100640, uid: owner });
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
  expect(readdirSync(directory).sort()).toEqual(['link.yaml', 'weir.yaml']);
});

it('writes over nobody’s changes', async () => {
  await expect(writeConfig(file, 'new', versionOf('older'))).rejects.toThrow(VersionConflict);
  expect(readFileSync(file, 'utf8')).toBe('old');
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { withSmallFiles } from '../../test/support/small-files.ts';
import { forgetModules, keepModules } from './modules.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weir-modules-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

it('keeps modules over boots, and forgets them', () => {
  const path = join(directory, 'weir.conf');
  expect(forgetModules(path)).toEqual([]);
  expect(keepModules(['ip_vs', 'ip_vs_wlc'], path)).toBeUndefined();
  expect(readFileSync(path, 'utf8')).toMatch(/^#.*\nip_vs\nip_vs_wlc\n$/);
  expect(keepModules(['ip_vs'], path)).toBeUndefined();
  expect(readFileSync(path, 'utf8')).not.toContain('wlc');
  expect(forgetModules(path)).toEqual([`${path}: removed`]);
  expect(forgetModules(path)).toEqual([]);
});

it('leaves somebody else’s file alone, and says what it cannot do', () => {
  const path = join(directory, 'weir.conf');
  writeFileSync(path, 'ip_vs\n');
  expect(keepModules(['ip_vs', 'ip_vs_rr'], path)).toMatch(/not Weir's; see that it has ip_vs, ip_vs_rr/);
  expect(forgetModules(path)).toEqual([]);
  expect(readFileSync(path, 'utf8')).toBe('ip_vs\n');
  expect(keepModules(['ip_vs'], join(directory, 'none/weir.conf'))).toMatch(
    /there is no .*none; have ip_vs loaded/,
  );
});

it('leaves the file as it is where the disk is full', () => {
  const path = join(directory, 'weir.conf');
  keepModules(['ip_vs'], path);
  const names = Array.from({ length: 100 }, (_, i) => `ip_vs_${i}`);
  expect(withSmallFiles(500, () => keepModules(names, path))).toMatch(/cannot be written \(EFBIG\)/);
  expect(readFileSync(path, 'utf8')).toMatch(/\nip_vs\n$/);
});

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeDurably } from './durable.ts';

describe('writeDurably', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'weir-durable-'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('replaces a file', () => {
    const path = join(directory, 'file');
    writeDurably(path, 'before');
    writeDurably(path, 'after', 0o644);
    expect(readFileSync(path, 'utf8')).toBe('after');
    expect(statSync(path).mode & 0o777).toBe(0o644);
  });

  it('leaves nothing half written where it cannot', () => {
    const path = join(directory, 'taken');
    mkdirSync(join(path, 'inside'), { recursive: true });
    expect(() => writeDurably(path, 'text')).toThrow();
    expect(existsSync(`${path}.tmp`)).toBe(false);
    expect(existsSync(join(path, 'inside'))).toBe(true);
  });
});

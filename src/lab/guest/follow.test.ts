import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { followFile } from './follow.ts';

describe('followFile', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'weir-follow-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('tells of what is added, each once, whole characters alone', async () => {
    const path = join(folder, 'stdout');
    const pieces: string[] = [];
    const stop = followFile(path, (piece) => pieces.push(piece));
    const bytes = Buffer.from('one → two');
    // In the middle of the arrow.
    writeFileSync(path, bytes.subarray(0, 5));
    await expect.poll(() => pieces).toEqual(['one ']);
    appendFileSync(path, bytes.subarray(5));
    stop();
    expect(pieces).toEqual(['one ', '→ two']);
  });

  it('tells nothing of a file that never comes', () => {
    const stop = followFile(join(folder, 'none'), () => expect.unreachable());
    stop();
  });
});

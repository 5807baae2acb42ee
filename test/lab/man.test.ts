/** The manual pages as mandoc reads them: without a warning, and with their words as they were meant. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { programModel } from '../../src/cli/program.ts';

const FOLDER = fileURLToPath(new URL('../../packaging/man/', import.meta.url));

// biome-ignore lint/suspicious/noControlCharactersInRegex: a character that the next one is printed over.
const OVERPRINTED = /.\u0008/g;

/** What mandoc prints; it ends with a failure where it warns. */
function mandoc(...args: readonly string[]): string {
  try {
    return execFileSync('mandoc', args, { cwd: FOLDER, encoding: 'utf8' });
  } catch (error) {
    const { code, stdout } = error as { readonly code?: string; readonly stdout?: string };
    if (code !== 'ENOENT') return stdout ?? '';
    throw new Error('mandoc is missing: scripts/install-packages.sh --test installs it', { cause: error });
  }
}

describe('manual pages', () => {
  // They have the version in place of a date.
  test.each(['weir.8', 'weir.yaml.5', 'ipvsadm.8'])('%s has no mistakes', (page) => {
    const said = mandoc('-T', 'lint', page).split('\n');
    expect(said.filter((line) => line !== '' && !line.includes('missing date'))).toEqual([]);
  });

  test('examples of weir(8) can be copied from it', () => {
    const lines = mandoc('-T', 'utf8', '-O', 'width=200', 'weir.8').replaceAll(OVERPRINTED, '').split('\n');
    const shown = new Set(lines.map((line) => line.trim()));
    for (const { examples } of programModel().verbs)
      for (const [line] of examples) expect(shown).toContain(line);
  });
});

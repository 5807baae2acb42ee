/** Texts come out of troff as they went in. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escaped, filled, inline, render } from './troff.ts';

/** What troff makes of escapes: groff_char(7), groff(7). */
const SHOWN: Readonly<Record<string, string>> = {
  rs: '\\',
  aq: "'",
  dq: '"',
  ga: '`',
  ha: '^',
  ti: '~',
};

/** What a reader sees of lines of troff without requests, or that one of them would be taken for a request. */
function shown(lines: readonly string[]): string {
  const request = lines.find((line) => /^[.']/.test(line));
  if (request !== undefined) throw new Error(`a request: ${request}`);
  return lines
    .join(' ')
    .replaceAll(/\\(?:\[u([\dA-F]+)\]|\[(\w\w)\]|(-)|&|f[BIR])/g, (_all, unicode, name, hyphen) =>
      unicode === undefined
        ? (SHOWN[name] ?? hyphen ?? '')
        : String.fromCodePoint(Number.parseInt(unicode, 16)),
    );
}

/** Words of anything a text may have but the marks of small Markdown. */
const words = fc
  .array(fc.string({ unit: 'grapheme', minLength: 1 }), { minLength: 1 })
  .map((all) =>
    all
      .join(' ')
      .replaceAll(/[`*[\]]/g, '')
      .replaceAll(/[\s\p{Cc}]+/gu, ' ')
      .trim(),
  )
  .filter((text) => text !== '');

describe('texts in troff', () => {
  test('are shown as they were, and are ASCII', () => {
    fc.assert(
      fc.property(words, (text) => {
        const lines = filled(text);
        expect(shown(lines)).toBe(text);
        expect(lines.join('')).toMatch(/^[ -~]*$/);
      }),
    );
  });

  test.each([
    ['-o and C:\\weir', '\\-o and C:\\[rs]weir'],
    ['`weir down` ends *that*', '\\fBweir down\\fR ends \\fIthat\\fR'],
    ['**With `dataplane: ipvs`** only', '\\fBWith dataplane: ipvs\\fR only'],
    ['[the guide](guide.md#a-b) has it', 'the guide has it'],
    ['5 * 3 * 2', '5 * 3 * 2'],
    ['Weir’s "own"', 'Weir\\[u2019]s \\[dq]own\\[dq]'],
  ])('%s', (text, troff) => {
    expect(inline(text)).toBe(troff);
  });

  test('begin no line with what would be a request', () => {
    expect(filled('.TH and .SH')).toEqual(['\\&.TH and .SH']);
    const long = `${'word '.repeat(16)}.TH 'br`;
    expect(filled(long).slice(1)).toEqual(['\\&.TH \\[aq]br']);
  });

  test('begin a line for each sentence', () => {
    expect(filled('One. `Two.` (Three.) four')).toEqual(['One.', '\\fBTwo.\\fR', '(Three.)', 'four']);
  });

  test('stand as they are in code, and in headings', () => {
    const page = {
      names: ['x'],
      section: 8,
      summary: 'tries',
      version: '1',
      sections: [
        { title: 'It\'s "so"', blocks: [{ code: ['.TH is', "'br `x` *y*", '  \\fB'] }, { heading: 'a-b' }] },
      ],
    } as const;
    const lines = render(page).split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        '.SH IT\\[aq]S \\[dq]SO\\[dq]',
        '\\&.TH is',
        '\\[aq]br \\[ga]x\\[ga] *y*',
        '  \\[rs]fB',
      ]),
    );
    expect(lines).toContain('.SS a\\-b');
    expect(escaped('.')).toBe('.');
  });
});

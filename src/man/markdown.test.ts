/** What of the guide's Markdown gets into manual pages. */
import { describe, expect, test } from 'vitest';
import { blocksOf, introductionOf, sectionOf } from './markdown.ts';

const GUIDE = `# Title

First.

## One

A paragraph
of two lines ([why](x.md)).

| a | b | c |
| --- | --- | --- |
| \`x\\|y\` | – | said |

- item
  goes on

  second paragraph
- other

<!-- not run -->
\`\`\`sh
| no table
\`\`\`

    as it stands

## Two

### Three
`;

describe('the guide as blocks', () => {
  test('paragraphs, tables, lists and code', () => {
    expect(blocksOf(sectionOf(GUIDE, 'One'))).toEqual([
      { text: 'A paragraph of two lines.' },
      { terms: [{ term: '`x|y`', about: [{ text: 'c: said.' }] }] },
      {
        terms: [
          { term: '•', about: [{ text: 'item goes on' }, { text: 'second paragraph' }] },
          { term: '•', about: [{ text: 'other' }] },
        ],
      },
      { code: ['| no table'] },
      { code: ['as it stands'] },
    ]);
  });

  test('sections by their headings', () => {
    expect(blocksOf(introductionOf(GUIDE))).toEqual([{ text: 'First.' }]);
    expect(blocksOf(sectionOf(GUIDE, 'Two'))).toEqual([{ heading: 'Three' }]);
    expect(() => sectionOf(GUIDE, 'Four')).toThrow('no section "Four"');
  });
});

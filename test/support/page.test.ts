import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readPage } from './page.ts';

const page = `# Title

\`\`\`yaml
director: {}
\`\`\`

<!-- exit 3 -->
\`\`\`console
$ weir check
fine
client1$ curl \\
  x
\`\`\`

<!-- not run: it is for later -->
\`\`\`sh
reboot
\`\`\`

\`\`\`text
a picture
\`\`\`
`;

it('finds configurations, commands with their output, and scripts', () => {
  expect(readPage(page)).toEqual([
    { kind: 'config', line: 3, text: 'director: {}\n' },
    {
      kind: 'command',
      command: { line: 9, host: 'director', text: 'weir check', output: ['fine'], exit: 0 },
    },
    { kind: 'command', command: { line: 11, host: 'client1', text: 'curl \\\n  x', output: [], exit: 3 } },
    { kind: 'script', line: 16, text: 'reboot\n' },
  ]);
});

describe('refuses', () => {
  it.each([
    ['a command outside of a block', '    $ weir check\n', 'line 1 has a command outside'],
    ['a block of no kind', '```\nweir check\n```\n', 'is of no kind'],
    ['a script that does not say why it is not run', '```sh\nreboot\n```\n', 'does not say why'],
    ['output of no command', '```console\nfine\n```\n', 'output of no command'],
    ['a block without an end', '```yaml\na: 1\n', 'has no end'],
  ])('%s', (_, text, message) => {
    expect(() => readPage(text)).toThrow(message);
  });
});

const GUIDE = 'docs/guide/';
const pages = ['README.md', ...readdirSync(GUIDE).map((name) => `${GUIDE}${name}`)];
const text = (path: string): string => readFileSync(path, 'utf8');

describe.each(pages)('%s', (path) => {
  it('is written so that its commands can be run', () => {
    const kinds = readPage(text(path)).map(({ kind }) => kind);
    // What happens to a packet is told without any.
    if (!path.endsWith('how-it-works.md'))
      expect(kinds).toEqual(expect.arrayContaining(['config', 'command']));
  });

  it('links to what is there', () => {
    for (const [, target] of text(path).matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g))
      expect(existsSync(resolve(dirname(path), target!)), target).toBe(true);
  });
});

it('the README links to every page of the guide', () => {
  for (const page of pages.slice(1)) expect(text('README.md')).toContain(`(${page})`);
});

it('every page of the guide says what to look at when it does not work', () => {
  for (const page of pages.slice(1).filter((path) => !path.endsWith('how-it-works.md')))
    expect(text(page), page).toMatch(/^## (When it does not work|What to look at)$/m);
});

import { readdirSync, readFileSync } from 'node:fs';
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

it.each(['README.md', ...readdirSync('docs/guide').map((name) => `docs/guide/${name}`)])(
  '%s is written so that its commands can be run',
  (path) => {
    expect(readPage(readFileSync(path, 'utf8')).length).toBeGreaterThanOrEqual(0);
  },
);

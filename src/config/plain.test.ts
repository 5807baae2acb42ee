import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readPlain } from './plain.ts';
import { readTree, type Tree } from './tree.ts';
import { readYaml } from './yaml.ts';

const folder = new URL('../../samples/', import.meta.url);
const samples = readdirSync(folder).map((name) => readFileSync(new URL(name, folder), 'utf8'));

/** What counts of a tree: its values, and where they and their keys begin. */
const outline = ({ value, start, keyStart, children }: Tree): unknown => ({
  ...{ value, start, keyStart },
  children: [...children].map(([key, child]) => [key, outline(child)]),
});

/** True if the text is plain; then the library has to read the same in it. */
function agrees(text: string): boolean {
  const plain = readPlain(text);
  if (plain === undefined) return false;
  const { document, findings } = readYaml(text);
  expect(findings).toEqual([]);
  const whole = readTree(document!);
  expect(whole.findings).toEqual([]);
  expect(outline(plain)).toEqual(outline(whole.tree));
  return true;
}

/** Pieces of lines, most of them plain and some not. */
const scalar = fc.constantFrom(
  ...[
    'a',
    'eth0',
    'eth0.100',
    '80',
    '007',
    '0x1F',
    '0o17',
    '1.5',
    '1.',
    '1e3',
    '-1',
    '+1',
    '.5',
    '90s',
    '1h30m',
    '50%',
    '%50',
  ],
  ...['64K', '10.0.0.1', '10.0.0.0/8', '2001:db8::1', '2001:db8::', '::1', 'true', 'False', 'NULL', '~', 'y'],
  ...[
    '"a"',
    '"a b: c"',
    '""',
    '"\\n"',
    "'a'",
    "'it''s'",
    '"80"',
    'a b',
    'a:b',
    'a#b',
    '*a',
    '&a b',
    '!!str 1',
  ],
  ...[
    '|',
    '>-',
    '9007199254740993',
    '123456789012345',
    '1_000',
    '1:30',
    '0b1',
    '.inf',
    '2001-01-01',
    '<<',
    '=',
    '0',
  ],
);
const key = fc.constantFrom(
  'a',
  'b',
  'net.a',
  'net/a-b',
  '"c"',
  '"c d"',
  "'e'",
  'null',
  '7',
  '? x',
  '"__proto__"',
  '<<',
);
const comment = fc.constantFrom('', '', '', ' # c', '# c', ' #', ' ');
const space = fc.constantFrom('', ' ', ' ', '  ', '\n', '\n  ', '\n      ', ' # c\n    ');

const { flow } = fc.letrec<{ flow: string; map: string; list: string }>((tie) => ({
  flow: fc.oneof({ depthSize: 'small', withCrossShrink: true }, scalar, tie('map'), tie('list')),
  map: fc
    .tuple(
      fc.array(fc.tuple(space, key, fc.constantFrom(': ', ': ', ':', ' : ', ':\n  '), tie('flow'), space), {
        maxLength: 3,
      }),
      space,
    )
    .map(([parts, end]) => `{${parts.map((part) => part.join('')).join(',')}${end}}`),
  list: fc
    .tuple(fc.array(fc.tuple(space, tie('flow'), space), { maxLength: 3 }), space)
    .map(([parts, end]) => `[${parts.map((part) => part.join('')).join(',')}${end}]`),
}));

const line = fc
  .tuple(
    fc.constantFrom('', '', '', '  ', '  ', '    ', '      ', ' ', '\t'),
    fc.constantFrom('', '', '- ', '-   ', '- - ', '-'),
    fc.oneof(
      fc.tuple(key, fc.constantFrom(': ', ':  ', ':')).map((parts) => parts.join('')),
      fc.constant(''),
    ),
    fc.oneof(fc.constant(''), scalar, flow),
    comment,
  )
  .map((parts) => parts.join(''));
const lines = fc
  .tuple(
    fc.constantFrom('', '', '# c\n', '---\n', '%YAML 1.1\n---\n', '\n', '\ufeff'),
    fc.array(line, { maxLength: 6 }),
    fc.constantFrom('\n', '', '\r\n', '\n...\n', '\n---\n', '\n\n'),
  )
  .map(([head, parts, end]) => head + parts.join('\n') + end);

describe('readPlain', () => {
  it('reads the samples and JSON by itself', () => {
    // Escapes are left to the library.
    for (const text of samples) expect(agrees(text)).toBe(!text.includes('\\'));
    const json = { director: { public: ['eth0'], private: 'eth1' }, services: [], limits: {} };
    expect(agrees(JSON.stringify(json))).toBe(true);
    expect(agrees(`${JSON.stringify(json, null, 2)}\n`)).toBe(true);
  });

  it('reads what the library reads in it, or nothing', () => {
    let plain = 0;
    fc.assert(
      fc.property(fc.oneof(lines, flow), (text) => {
        if (agrees(text)) plain++;
      }),
      { numRuns: 4_000 },
    );
    expect(plain).toBeGreaterThan(100);
  }, 60_000);

  it('reads what the library reads in a changed sample, or nothing', () => {
    const change = fc.record({
      at: fc.nat(),
      length: fc.nat({ max: 6 }),
      put: fc.oneof(scalar, fc.constantFrom('\n', ' ', '- ', ': ', '{', '}', '[', ']', ',', ' #', '"', "'")),
    });
    let plain = 0;
    const changed = fc
      .tuple(fc.constantFrom(...samples), fc.array(change, { minLength: 1, maxLength: 3 }))
      .map(([text, changes]) =>
        changes.reduce((now, { at, length, put }) => {
          const from = at % (now.length + 1);
          return now.slice(0, from) + put + now.slice(from + length);
        }, text),
      );
    fc.assert(
      fc.property(changed, (text) => {
        if (agrees(text)) plain++;
      }),
      { numRuns: 1_000 },
    );
    expect(plain).toBeGreaterThan(100);
  }, 60_000);

  it.each([
    ['a key twice', 'a: 1\na: 2\n'],
    ['a key twice in brackets', '{a: 1, "a": 2}\n'],
    ['no value', 'a:\nb: 1\n'],
    ['a text of several lines', 'a: b\n  c\n'],
    ['a second document', 'a: 1\n---\nb: 1\n'],
    ['a tab', 'a:\n\tb: 1\n'],
    ['a key that would be no key', '{"__proto__": 1}\n'],
    ['a bracket too far left', 'a: {\nb: 1}\n'],
    ['an anchor', 'a: &x 1\nb: *x\n'],
  ])('leaves %s to the library', (_, text) => {
    expect(readPlain(text)).toBeUndefined();
  });
});

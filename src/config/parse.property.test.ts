import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfig } from './parse.ts';
import { formatProblems } from './problems.ts';

const folder = new URL('../../samples/', import.meta.url);
const samples = readdirSync(folder).map((name) => readFileSync(new URL(name, folder), 'utf8'));

/** Whatever the text is: a result, with problems inside the text and in its order. */
function holds(text: string): void {
  const result = parseConfig(text, 'x.yaml');
  if (result.ok) return;
  const lines = text.split('\n');
  expect(result.problems.length).toBeGreaterThan(0);
  let last = { line: 1, column: 1 };
  for (const problem of result.problems) {
    expect(problem.line).toBeGreaterThanOrEqual(last.line);
    if (problem.line === last.line) expect(problem.column).toBeGreaterThanOrEqual(last.column);
    expect(problem.line).toBeLessThanOrEqual(lines.length);
    expect(problem.column).toBeLessThanOrEqual((lines[problem.line - 1] ?? '').length + 1);
    expect(problem.message).not.toMatch(/undefined|\[object|Invalid input/);
    last = problem;
  }
  expect(formatProblems(result.problems, text)).toContain('x.yaml:');
}

const indicator = fc.constantFrom(
  ...[
    '- ',
    ': ',
    '&a ',
    '*a',
    '{',
    '}',
    '[',
    ']',
    ',',
    '\n',
    '\n  ',
    '\t',
    '"',
    "'",
    '|',
    '>',
    '? ',
    '#',
    '!!set ',
    '%YAML 1.1\n',
  ],
  ...[
    '---\n',
    '...\n',
    '__proto__',
    'constructor',
    'null',
    'services',
    '<<: *a',
    '0x1',
    '.nan',
    '2001-01-01',
    '\u0000',
    '\ufeff',
  ],
);

describe('parseConfig', () => {
  it('survives any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), holds), { numRuns: 300 });
    fc.assert(
      fc.property(
        fc.array(indicator, { maxLength: 60 }).map((parts) => parts.join('')),
        holds,
      ),
      { numRuns: 500 },
    );
  });

  it('survives any change of a right file', () => {
    const cut = fc.record({
      at: fc.nat(),
      length: fc.nat({ max: 12 }),
      put: fc.oneof(indicator, fc.string({ maxLength: 5 })),
    });
    const changed = fc
      .tuple(fc.constantFrom(...samples), fc.array(cut, { minLength: 1, maxLength: 6 }))
      .map(([text, cuts]) =>
        cuts.reduce((now, { at, length, put }) => {
          const from = at % (now.length + 1);
          return now.slice(0, from) + put + now.slice(from + length);
        }, text),
      );
    fc.assert(fc.property(changed, holds), { numRuns: 600 });
  }, 60_000);

  it('survives any value in any place', () => {
    const keys = [
      'director',
      'public',
      'private',
      'vips',
      'address',
      'interface',
      'label',
      'timeouts',
      'established',
      'services',
    ];
    const more = [
      'servers',
      'port',
      'weight',
      'protocol',
      'host',
      'sysctls',
      'limits',
      'half_open',
      'masquerade',
      'source',
      'checks',
      'type',
      'interval',
      'status',
      'body',
      'tls',
    ];
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom<unknown>(
          null,
          true,
          0,
          -1,
          1.5,
          80,
          '80',
          '',
          'eth0',
          '10.0.0.1',
          '::1',
          '1s',
          '1K',
          'net.x',
        ),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...keys, ...more, '__proto__', 'net.a'), tie('tree'), { maxKeys: 5 }),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => holds(JSON.stringify(value))),
      { numRuns: 500 },
    );
  }, 60_000);
});

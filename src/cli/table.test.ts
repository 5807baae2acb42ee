import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Column, formatRow, layOut, lengthOf, type Row, totalWidth } from './table.ts';

const columns: readonly Column[] = [
  { title: 'NAME', align: 'left' },
  { title: 'N', align: 'right' },
  { title: 'NOTE', align: 'left' },
];

const render = (rows: readonly Row[], limit?: number) => {
  const layout = layOut(columns, rows, { limit });
  return rows.map((row) => formatRow(layout, row));
};

test('columns are as wide as their widest cell, and lines end where their text ends', () => {
  expect(render([['alpha', '7', 'x'], ['b', '1234', 'long note'], ['c', '1'], ['d']])).toEqual([
    'alpha     7  x',
    'b      1234  long note',
    'c         1',
    'd',
  ]);
});

test('colour is put around the text, not counted as width', () => {
  const paint = (text: string) => `<${text}>`;
  const rows: Row[] = [
    [{ text: 'a', paint }, { text: '5', paint }, 'x'],
    ['bbbb', '10', 'y'],
  ];
  expect(render(rows)).toEqual(['<a>      <5>  x', 'bbbb  10  y']);
});

test('what is too wide puts its first cell on a line of its own; short rows stay whole', () => {
  expect(
    render(
      [
        ['a very long name', '12', 'note'],
        ['short', '3', 'n'],
      ],
      20,
    ),
  ).toEqual(['a very long name\n            12  note', 'short        3  n']);
});

test('a heading runs over the other columns without widening its own', () => {
  const rows: Row[] = [['a heading as long as it likes'], ['a', '1', 'x']];
  expect(render(rows)[1]).toBe('a     1  x');
});

test('control characters never reach a cell', () => {
  expect(render([['a\u001b[2J', '1', 'b\nc']])).toEqual(['a[2J  1  bc']);
});

test('no line is wider than the limit while the other columns leave the first some room', () => {
  const row = fc.tuple(
    fc.stringMatching(/^[a-z]{0,60}$/),
    fc.stringMatching(/^\d{1,6}$/),
    fc.stringMatching(/^[a-z]{0,9}$/),
  );
  fc.assert(
    fc.property(fc.array(row, { minLength: 1 }), (rows) => {
      const layout = layOut(columns, rows, { limit: 60 });
      expect(totalWidth(layout)).toBeLessThanOrEqual(60);
      for (const one of rows)
        for (const line of formatRow(layout, one).split('\n')) expect(lengthOf(line)).toBeLessThanOrEqual(60);
    }),
  );
});

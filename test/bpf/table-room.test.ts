/** The connection table has room for all it was made for, whatever the flows look like. */
import { afterEach, describe, expect, it } from 'vitest';
import { keysIn } from './probe.ts';
import { openTable, type Pattern, type Table } from './table.ts';

let table: Table;
afterEach(() => table?.close());

describe.each([16, 1000, 65_536, 1_048_576])('a table for %i connections', (connections) => {
  it.each<Pattern>(['sequential ports', 'one port', 'strides', 'random', 'one client'])(
    'takes them all before it refuses one: %s',
    (pattern) => {
      table = openTable(connections);
      expect(table.fill(connections + 1, pattern)).toMatchObject({ entered: connections, refused: 1 });
      expect(keysIn(table.tables.keys4)).toBe(2 * connections);
    },
  );
});

it('keeps both keys of a connection in one bucket while there is room', () => {
  table = openTable(65_536);
  expect(table.fill(64, 'random')).toMatchObject({ entered: 64 });
  const used = [...table.tables.keys4.range(0, table.tables.keys4.size)]
    .map(([, bucket]) => bucket.keys.filter((key) => key !== 0n).length)
    .filter((keys) => keys > 0);
  expect(used.filter((keys) => keys % 2 !== 0)).toEqual([]);
});

it('spreads flows that would all be at home in one bucket under another secret', () => {
  const ATTACK = 2048;
  const strayed = () => Number(table.tables.keys4.get(0).strayed);
  table = openTable(ATTACK);
  const { settings } = table.tables;
  const own = settings.get(0);
  const guessed = own.secret.map((_, i) => (BigInt(i + 1) * 0x9e3779b97f4a7c15n) & 0xffffffffffffffffn);
  settings.set(0, { ...own, secret: guessed });
  expect(table.collect(ATTACK)).toBe(ATTACK);
  settings.set(0, own);
  expect(table.fill(ATTACK, 'collected')).toMatchObject({ entered: ATTACK, refused: 0 });
  expect(strayed()).toBeLessThan(100);
  table.close();

  // The same flows where the guess is right: all but a few have to stray from that bucket, and find room all the same.
  table = openTable(ATTACK);
  table.tables.settings.set(0, { ...table.tables.settings.get(0), secret: guessed });
  expect(table.collect(ATTACK)).toBe(ATTACK);
  expect(table.fill(ATTACK, 'collected')).toMatchObject({ entered: ATTACK, refused: 0 });
  expect(strayed()).toBeGreaterThan(2 * ATTACK - 100);
});

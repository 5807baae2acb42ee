/** The connection table has room for all it was made for, whatever the flows look like. */
import { afterEach, describe, expect, it } from 'vitest';
import { keysIn } from './probe.ts';
import { openTable, type Pattern, type Table } from './table.ts';

let table: Table;
afterEach(() => table?.close());

describe.each([16, 1000, 65_536, 1_048_576])('a table for %i connections', (connections) => {
  it.each<Pattern>(['sequential ports', 'one port', 'strides', 'random'])(
    'takes them all before it refuses one: %s',
    (pattern) => {
      table = openTable(connections);
      expect(table.fill(connections + 1, pattern)).toMatchObject({ entered: connections, refused: 1 });
      expect(keysIn(table.tables.keys4)).toBe(2 * connections);
    },
  );
});

it('takes flows that would all meet in one bucket under another secret', () => {
  const ATTACK = 2048;
  table = openTable(ATTACK);
  const { settings } = table.tables;
  const own = settings.get(0);
  const guessed = own.secret.map((_, i) => (BigInt(i + 1) * 0x9e3779b97f4a7c15n) & 0xffffffffffffffffn);
  settings.set(0, { ...own, secret: guessed });
  expect(table.collect(ATTACK)).toBe(ATTACK);
  settings.set(0, own);
  expect(table.fill(ATTACK, 'collected')).toEqual(expect.objectContaining({ entered: ATTACK, refused: 0 }));
  table.close();

  // The same flows where the guess is right: they fill one bucket, and then what their second ones have left.
  table = openTable(ATTACK);
  table.tables.settings.set(0, { ...table.tables.settings.get(0), secret: guessed });
  expect(table.collect(ATTACK)).toBe(ATTACK);
  expect(table.fill(ATTACK, 'collected').refused).toBe(1);
});

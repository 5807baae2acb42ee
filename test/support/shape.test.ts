import { expect, it } from 'vitest';
import { hasShape, linesOf } from './shape.ts';

const table = ['SERVICE                 ACTIVE', 'tcp 203.0.113.100:80 wlc    12'];

it('other numbers have the same shape, other words and addresses have not', () => {
  expect(hasShape(table, ['SERVICE ACTIVE', 'tcp 203.0.113.100:80  wlc  3'])).toBe(true);
  expect(hasShape(table, ['SERVICE ACTIVE', 'tcp 203.0.113.100:80  rr  3'])).toBe(false);
  expect(hasShape(table, ['SERVICE ACTIVE', 'tcp 203.0.113.100:443  wlc  3'])).toBe(false);
  expect(hasShape(table, ['SERVICE ACTIVE'])).toBe(false);
  expect(hasShape([], ['SERVICE ACTIVE'])).toBe(false);
});

it('a client’s port, times and JSON numbers may be others', () => {
  expect(hasShape(['tcp 203.0.113.10:50122 14:59'], ['tcp 203.0.113.10:41000 0:03'])).toBe(true);
  expect(hasShape(['{"weight":2,"name":"a"}'], ['{"weight": 1, "name": "a"}'])).toBe(true);
  expect(hasShape(['{"weight":2,"name":"b"}'], ['{"weight": 1, "name": "a"}'])).toBe(false);
  expect(hasShape(['2026-11-22T10:00:00.000Z ready'], ['2025-01-01T01:02:03.456Z ready'])).toBe(true);
});

it('an ellipsis leaves out lines, or the rest of one', () => {
  expect(hasShape(['a', 'b', 'c', 'd'], ['a', '…', 'd'])).toBe(true);
  expect(hasShape(['a', 'd'], ['a', '…', 'd'])).toBe(true);
  expect(hasShape(['a', 'b'], ['a', '…', 'd'])).toBe(false);
  expect(hasShape(['ready after 3 ms'], ['ready …'])).toBe(true);
  expect(hasShape(['not ready'], ['ready …'])).toBe(false);
});

it('empty lines at the end do not count', () => {
  expect(linesOf('a  \n\nb\n\n')).toEqual(['a', '', 'b']);
});

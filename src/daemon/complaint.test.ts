import { expect, test } from 'vitest';
import type { Log } from '../observe/log.ts';
import { openComplaint } from './complaint.ts';

test('a complaint is logged once, again when it is another, and again after all was done', () => {
  const said: string[] = [];
  const log = { error: (_: string, { error }: { error: Error }) => said.push(error.message) };
  const complaint = openComplaint(log as unknown as Log);
  expect(complaint.text).toBeUndefined();
  for (const message of ['no route', 'no route', 'disk full', 'no route'])
    complaint.raise(new Error(message));
  complaint.keep(new Error('told elsewhere'));
  complaint.raise(new Error('told elsewhere'));
  expect(complaint.text).toBe('told elsewhere');
  complaint.settle();
  expect(complaint.text).toBeUndefined();
  complaint.raise(new Error('told elsewhere'));
  expect(said).toEqual(['no route', 'disk full', 'no route', 'told elsewhere']);
});

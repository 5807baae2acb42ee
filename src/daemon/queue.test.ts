import { describe, expect, it } from 'vitest';
import { EventQueue } from './queue.ts';

const answer = { resolve: () => {}, reject: () => {} };

describe('EventQueue', () => {
  it('is pressing while a change waits, not for looks and pulses', async () => {
    const queue = new EventQueue();
    queue.push({ kind: 'look' });
    queue.push({ kind: 'pulse' });
    expect(queue.pressing).toBe(false);
    queue.push({ kind: 'reload', answer });
    expect(queue.pressing).toBe(true);
    const reader = queue[Symbol.asyncIterator]();
    for (const kind of ['look', 'pulse', 'reload'])
      expect((await reader.next()).value).toMatchObject({ kind });
    expect(queue.pressing).toBe(false);
  });
});

import { describe, expect, test } from 'vitest';
import type { EventStreamItem } from '../api/control.ts';
import { openLog } from '../observe/log.ts';
import { EventRing, keepingLog } from './event-ring.ts';

const ringOf = (count: number, capacity = 4) => {
  const ring = new EventRing('life', capacity);
  for (let n = 1; n <= count; n++) ring.add('info', `event_${n}`, {});
  return ring;
};

/** What a reader gets at once, without waiting for more. */
async function read(
  ring: EventRing,
  from: { after?: string; past?: boolean },
  count: number,
): Promise<string[]> {
  const seen: string[] = [];
  const abort = new AbortController();
  for await (const item of ring.follow(from, abort.signal)) {
    seen.push(nameOf(item));
    if (seen.length === count) abort.abort();
  }
  return seen;
}
const nameOf = (item: EventStreamItem) => (item.kind === 'reset' ? `reset ${item.id}` : item.event.event);

describe('the ring of events', () => {
  test('goes on after the id that a reader had last', async () => {
    expect(await read(ringOf(6), { after: 'life-4' }, 2)).toEqual(['event_5', 'event_6']);
    expect(await read(ringOf(6), { after: 'life-2' }, 4)).toEqual([
      'event_3',
      'event_4',
      'event_5',
      'event_6',
    ]);
  });

  test.each(['life-1', 'earlier-5', 'life-99', 'nonsense', ''])(
    'answers the id "%s", which it does not know any more, with a reset and what it has',
    async (after) => {
      expect(await read(ringOf(6), { after }, 5)).toEqual([
        'reset life-2',
        'event_3',
        'event_4',
        'event_5',
        'event_6',
      ]);
    },
  );

  test('gives who has no id the events to come, or the past first', async () => {
    const ring = ringOf(3);
    const coming = read(ring, {}, 1);
    expect(await read(ring, { past: true }, 3)).toEqual(['event_1', 'event_2', 'event_3']);
    ring.add('warn', 'new', {});
    expect(await coming).toEqual(['new']);
  });

  test('tells a reader that was too slow, and keeps no more than its capacity', async () => {
    const ring = ringOf(1);
    const reader = ring.follow({ past: true }, new AbortController().signal);
    expect(nameOf((await reader.next()).value!)).toBe('event_1');
    for (let n = 2; n <= 20; n++) ring.add('info', `event_${n}`, {});
    expect(nameOf((await reader.next()).value!)).toBe('reset life-16');
    expect(nameOf((await reader.next()).value!)).toBe('event_17');
    await reader.return(undefined);
  });

  test('ends its readers when it is closed, and one alone when that goes away', async () => {
    const ring = ringOf(0);
    const abort = new AbortController();
    const [gone, left] = [read(ring, {}, 1), ring.follow({}, abort.signal).next()];
    abort.abort();
    expect(await left).toEqual({ done: true, value: undefined });
    ring.close();
    expect(await gone).toEqual([]);
  });

  test('is filled by the log, whatever the log itself writes', async () => {
    const ring = ringOf(0);
    const lines: string[] = [];
    const log = keepingLog(
      openLog({ level: 'error', destination: { write: (line) => lines.push(line) } }),
      ring,
    );
    log.debug('unimportant');
    log.warn('drift_repaired', { found: 'absent', error: new Error('why') });
    const [item] = [(await ring.follow({ past: true }, new AbortController().signal).next()).value!];
    expect(lines).toEqual([]);
    expect(item).toMatchObject({
      kind: 'event',
      event: {
        id: 'life-1',
        level: 'warn',
        event: 'drift_repaired',
        fields: { found: 'absent', error: 'why' },
      },
    });
  });
});

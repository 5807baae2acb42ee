/** Slow start: a server that has come (back) gets its weight by and by. Time is passed in. */
import type { ServiceKey } from '../model/service.ts';
import type { SlowStart } from '../model/slow-start.ts';
import type { Factor } from './effective.ts';

/** Since when servers have been starting, in milliseconds, by service and endpoint in text. */
export type Starting = ReadonlyMap<ServiceKey, ReadonlyMap<string, number>>;

/** What a server that began to start at `since` gets of its weight; undefined once it is done. Linear, in steps, and never nothing. */
export function slowStartFactor(
  since: number,
  { duration, steps }: SlowStart,
  now: number,
): Factor | undefined {
  const step = Math.floor((steps * Math.max(0, now - since)) / duration) + 1;
  if (step > steps) return undefined;
  const value = step / (steps + 1);
  return { name: 'slow_start', value, reason: `slow start, ${Math.floor(100 * value)}% of its weight` };
}

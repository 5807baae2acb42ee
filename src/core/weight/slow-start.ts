/** Slow start: a server that has come (back) gets its weight by and by. Time is passed in. */
import type { ServiceKey } from '../model/service.ts';
import type { Factor } from './effective.ts';

/** A weight rises in so many steps, so that a service is not published anew all the time. */
export const SLOW_START_STEPS = 20;

/** Since when servers have been starting, in milliseconds, by service and endpoint in text. */
export type Starting = ReadonlyMap<ServiceKey, ReadonlyMap<string, number>>;

/** How long a start lasts, in milliseconds, by service; services without slow start are absent. */
export type SlowStarts = ReadonlyMap<ServiceKey, number>;

/** What a server that began to start at `since` gets of its weight; undefined once it is done. Linear, in steps, and never nothing. */
export function slowStartFactor(since: number, duration: number, now: number): Factor | undefined {
  const step = Math.floor((SLOW_START_STEPS * Math.max(0, now - since)) / duration) + 1;
  if (step > SLOW_START_STEPS) return undefined;
  const value = step / (SLOW_START_STEPS + 1);
  return { name: 'slow_start', value, reason: `slow start, ${Math.floor(100 * value)}% of its weight` };
}

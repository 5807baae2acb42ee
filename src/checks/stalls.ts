/**
 * How late this thread itself is. An answer that is read late because the thread was busy, or the machine was, is not a
 * server's fault; so each check asks here how much of its time was not its own.
 */
import { performance } from 'node:perf_hooks';

/** Between two beats, in milliseconds. */
const BEAT_MS = 50;

/** Watches the thread's own lateness. */
export interface Stalls {
  /** How long the thread has been stalled in all, in milliseconds; the difference of two readings is what is of use. */
  total(): number;
  close(): void;
}

/** Starts watching. */
export function watchStalls(): Stalls {
  let stalled = 0;
  let due = performance.now() + BEAT_MS;
  const late = () => Math.max(0, performance.now() - due);
  const timer = setInterval(() => {
    stalled += late();
    due = performance.now() + BEAT_MS;
  }, BEAT_MS);
  return {
    // What is late at present counts, too: a check's own timer may come before the beat.
    total: () => stalled + late(),
    close: () => clearInterval(timer),
  };
}

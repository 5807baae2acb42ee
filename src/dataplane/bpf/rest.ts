/** Waiting until nobody can be reading what has been unpublished. */
import { waitForReaders } from '../../kernel/grace.ts';
import { REST_MS } from './runs.ts';

/** Returns once every program that ran when it was called has ended; by the kernel's word, or where it has none by the clock. */
export function awaitReaders(): void {
  if (!waitForReaders()) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, REST_MS);
}

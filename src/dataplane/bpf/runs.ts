/**
 * Runs of places in a shared array, for data that is written while nobody sees it and then published.
 * A run given back may still be read by a program that runs right now, so it rests before it is given out again.
 */

/** `length` places from `start` on. */
export interface Run {
  readonly start: number;
  readonly length: number;
}

/** How long something unpublished rests, in milliseconds: programs run for microseconds. */
export const REST_MS = 1000;

/** Gives out and takes back runs; first fit. */
export class RunAllocator {
  #free: Run[];
  #resting: { run: Run; since: number }[] = [];

  /** All of `size` places are free but for those in `taken`, which must not overlap. */
  constructor(size: number, taken: readonly Run[] = []) {
    this.#free = [];
    let at = 0;
    for (const run of [...taken].filter((one) => one.length > 0).sort((a, b) => a.start - b.start)) {
      if (run.start < at || run.start + run.length > size)
        throw new RangeError(`run ${run.start}+${run.length} overlaps another or the end`);
      if (run.start > at) this.#free.push({ start: at, length: run.start - at });
      at = run.start + run.length;
    }
    if (at < size) this.#free.push({ start: at, length: size - at });
  }

  /** A run of `length` places at time `now` (milliseconds, any origin); undefined if there is none that has rested. */
  take(length: number, now: number): Run | undefined {
    if (length === 0) return { start: 0, length: 0 };
    this.#settle(now);
    const at = this.#free.findIndex((run) => run.length >= length);
    const run = this.#free[at];
    if (run === undefined) return undefined;
    const rest = { start: run.start + length, length: run.length - length };
    this.#free.splice(at, 1, ...(rest.length > 0 ? [rest] : []));
    return { start: run.start, length };
  }

  /** Takes back a run that has just been unpublished. */
  give(run: Run, now: number): void {
    if (run.length > 0) this.#resting.push({ run, since: now });
  }

  /** All that rests may be used: a grace period has passed. */
  rested(): void {
    this.#settle(Number.POSITIVE_INFINITY);
  }

  /** Places that are neither given out nor resting. */
  get free(): number {
    return this.#free.reduce((sum, run) => sum + run.length, 0);
  }

  #settle(now: number): void {
    const ready = this.#resting.filter(({ since }) => now - since >= REST_MS);
    if (ready.length === 0) return;
    this.#resting = this.#resting.filter(({ since }) => now - since < REST_MS);
    const all = [...this.#free, ...ready.map(({ run }) => run)].sort((a, b) => a.start - b.start);
    this.#free = [];
    for (const run of all) {
      const last = this.#free.at(-1);
      if (last !== undefined && last.start + last.length === run.start)
        this.#free[this.#free.length - 1] = { start: last.start, length: last.length + run.length };
      else this.#free.push(run);
    }
  }
}

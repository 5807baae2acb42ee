/** What is due when: a heap, so that tens of thousands of checks need one timer. */

/** One entry. */
export interface Due<T> {
  readonly at: number;
  readonly what: T;
}

/** Entries in the order of their times. */
export class Agenda<T> {
  readonly #heap: Due<T>[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** The first of all; undefined when there is none. */
  peek(): Due<T> | undefined {
    return this.#heap[0];
  }

  add(entry: Due<T>): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.at <= entry.at) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  /** Takes the first entry out if its time is `now` or before. */
  take(now: number): Due<T> | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return undefined;
    const last = this.#heap.pop()!;
    if (this.#heap.length > 0) this.#sink(last);
    return first;
  }

  /** Puts an entry where the first one was, and lower until nothing below it is earlier. */
  #sink(entry: Due<T>): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child++;
      if (heap[child]!.at >= entry.at) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = entry;
  }
}

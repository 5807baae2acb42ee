/** The latest events of the log, kept so that whoever follows them can go on where it was cut off. */
import type { DirectorEvent, EventStreamItem } from '../api/control.ts';
import type { Log, LogFields } from '../observe/log.ts';

/** Events kept: a start with a thousand services, and hours of ordinary life. */
const CAPACITY = 2_048;

/**
 * A bounded ring of events. Each reader keeps its own place in it, so a slow one costs nothing: if the ring has gone on
 * without it, it is told so. An id is `<epoch>-<number>`; another epoch is another daemon's life.
 */
export class EventRing {
  readonly #epoch: string;
  readonly #capacity: number;
  readonly #events: DirectorEvent[] = [];
  readonly #waiting = new Set<() => void>();
  /** The number of the next event; numbers begin with 1. */
  #next = 1;
  #closed = false;

  constructor(epoch: string, capacity = CAPACITY) {
    this.#epoch = epoch;
    this.#capacity = capacity;
  }

  /** Keeps an event and lets go of the oldest one. */
  add(level: DirectorEvent['level'], event: string, fields: LogFields): void {
    const id = `${this.#epoch}-${this.#next++}`;
    this.#events.push({ id, time: new Date().toISOString(), level, event, fields: plain(fields) });
    if (this.#events.length > this.#capacity) this.#events.shift();
    this.#wake();
  }

  /**
   * Events from here on, or from after the id given: `past` gives all that is kept first. An id that is not known any more
   * is answered with a reset, and then all that is kept. Ends when `signal` aborts, or with the ring.
   */
  async *follow(
    { after, past }: { readonly after?: string | undefined; readonly past?: boolean },
    signal: AbortSignal,
  ): AsyncGenerator<EventStreamItem> {
    const wake = () => this.#wake();
    signal.addEventListener('abort', wake);
    try {
      let place =
        this.#placeAfter(after) ?? (after !== undefined || past === true ? this.#oldest() : this.#next);
      if (after !== undefined && this.#placeAfter(after) === undefined) yield this.#reset();
      while (!this.#closed && !signal.aborted) {
        if (place < this.#oldest()) {
          yield this.#reset();
          place = this.#oldest();
        }
        const event = this.#events[place - this.#oldest()];
        if (event !== undefined) {
          place++;
          yield { kind: 'event', event };
        } else
          await new Promise<void>((resolve) => {
            this.#waiting.add(resolve);
          });
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  /** Ends all readers. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  #oldest(): number {
    return this.#next - this.#events.length;
  }

  #reset(): EventStreamItem {
    return { kind: 'reset', id: `${this.#epoch}-${this.#oldest() - 1}` };
  }

  /** The number after `id`; undefined if the ring cannot go on from there. */
  #placeAfter(id: string | undefined): number | undefined {
    const match = /^([0-9a-z]+)-(\d{1,15})$/.exec(id ?? '');
    if (match?.[1] !== this.#epoch) return undefined;
    const place = Number(match[2]) + 1;
    return place >= this.#oldest() && place <= this.#next ? place : undefined;
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

/** Errors as what they say: a stack is for the log. */
const plain = (fields: LogFields): LogFields =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, value instanceof Error ? value.message : value]),
  );

/** A log that also keeps, in the ring, every event from info on, whatever level the log itself is set to. */
export function keepingLog(log: Log, ring: EventRing): Log {
  const kept =
    (level: DirectorEvent['level']) =>
    (event: string, fields: LogFields = {}) => {
      log[level](event, fields);
      ring.add(level, event, fields);
    };
  return {
    ...log,
    info: kept('info'),
    warn: kept('warn'),
    error: kept('error'),
    fatal: kept('fatal'),
    with: (fields) => keepingLog(log.with(fields), ring),
  };
}

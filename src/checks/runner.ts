/**
 * Makes checks at their times and keeps their states; says only which verdicts have changed. Each check has one attempt
 * under way at most, and all of them together MAX_IN_FLIGHT.
 */

import { sameKept } from '../core/health/agent.ts';
import type { SchedulerReport } from '../core/health/scheduler.ts';
import { advance, type CheckState, freshState } from '../core/health/state.ts';
import type { Check, CheckKey } from '../core/model/check.ts';
import { sameInEffect } from '../core/weight/feedback.ts';
import { Agenda } from './agenda.ts';
import { attempt, type Protocol } from './attempt.ts';
import type { Stalls } from './stalls.ts';

/** The most attempts under way at a time; what is due beyond that waits, and shows as lateness. */
export const MAX_IN_FLIGHT = 2_048;
/** A new check is made for the first time within this time, or its interval if that is shorter, in milliseconds. */
const FIRST_WITHIN_MS = 2_000;
/** How many of the latest starts the figures of lateness are of. */
const KEPT_STARTS = 1_024;

/** A check with what is known of it from before. */
export interface CheckToMake {
  readonly key: CheckKey;
  readonly check: Check;
  readonly state?: CheckState | undefined;
}

/** What a runner stands on. */
export interface RunnerParts {
  readonly ask: Protocol<Check>;
  readonly stalls: Stalls;
  /** 0 up to, but not including, 1. */
  readonly random: () => number;
  /** Told of each state whose verdict, warning, feedback in effect or agent's word has changed. */
  readonly changed: (key: CheckKey, state: CheckState) => void;
  readonly maxInFlight?: number;
}

interface Entry extends CheckToMake {
  state: CheckState;
  readonly cancel: AbortController;
  /** True until the first attempt has begun. */
  first: boolean;
}

/** Whether a result has changed anything but counts and times. */
const isNews = (before: CheckState, after: CheckState): boolean =>
  after.verdict !== before.verdict ||
  after.warning !== before.warning ||
  !sameKept(before.agent, after.agent) ||
  !sameInEffect(before.feedback, after.feedback);

/** The runner; close it. */
export class Runner {
  readonly #parts: RunnerParts;
  readonly #entries = new Map<CheckKey, Entry>();
  readonly #agenda = new Agenda<Entry>();
  readonly #lateness: number[] = [];
  #timer: NodeJS.Timeout | undefined;
  #inFlight = 0;
  #made = 0;
  #void = 0;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
  }

  /** Makes these checks from now on. One that was made before goes on as it is. */
  set(checks: readonly CheckToMake[]): void {
    const wanted = new Set(checks.map(({ key }) => key));
    for (const [key, entry] of this.#entries) {
      if (wanted.has(key)) continue;
      entry.cancel.abort();
      this.#entries.delete(key);
    }
    const now = performance.now();
    for (const { key, check, state = freshState(Date.now()) } of checks) {
      if (this.#entries.has(key)) continue;
      const entry: Entry = { key, check, state, cancel: new AbortController(), first: true };
      this.#entries.set(key, entry);
      const within = Math.min(check.interval, FIRST_WITHIN_MS);
      this.#agenda.add({ at: now + this.#parts.random() * within, what: entry });
    }
    this.#begin();
  }

  /** All states at present. */
  states(): ReadonlyMap<CheckKey, CheckState> {
    return new Map([...this.#entries].map(([key, { state }]) => [key, state]));
  }

  report(): SchedulerReport {
    const sorted = this.#lateness.toSorted((a, b) => a - b);
    const quantile = (part: number) => Math.round(10 * (sorted[Math.floor(part * sorted.length)] ?? 0)) / 10;
    return {
      checks: this.#entries.size,
      in_flight: this.#inFlight,
      made: this.#made,
      void: this.#void,
      late_p50_ms: quantile(0.5),
      late_p99_ms: quantile(0.99),
    };
  }

  /** Ends all attempts. */
  close(): void {
    this.set([]);
    clearTimeout(this.#timer);
    this.#parts.stalls.close();
  }

  /** Begins what is due, and comes back when more is. */
  #begin(): void {
    clearTimeout(this.#timer);
    const most = this.#parts.maxInFlight ?? MAX_IN_FLIGHT;
    const now = performance.now();
    while (this.#inFlight < most) {
      const due = this.#agenda.take(now);
      if (due === undefined) break;
      if (!due.what.cancel.signal.aborted) void this.#make(due.what, due.at, now);
    }
    const next = this.#agenda.peek();
    // While all places are taken the end of an attempt begins the next.
    if (next === undefined || this.#inFlight >= most) return;
    this.#timer = setTimeout(() => this.#begin(), Math.max(1, next.at - performance.now()));
  }

  async #make(entry: Entry, due: number, begun: number): Promise<void> {
    const full = this.#parts.maxInFlight ?? MAX_IN_FLIGHT;
    this.#inFlight++;
    this.#lateness[this.#made++ % KEPT_STARTS] = begun - due;
    const { check, cancel } = entry;
    const { ask, stalls } = this.#parts;
    const result = await attempt(check, { ask, stalls, cancel: cancel.signal });
    const waiting = this.#inFlight-- >= full;
    if (!cancel.signal.aborted) {
      if (result.outcome === 'void') this.#void++;
      const before = entry.state;
      entry.state = advance(before, result, check, Date.now());
      if (isNews(before, entry.state)) this.#parts.changed(entry.key, entry.state);
      this.#agenda.add({ at: this.#nextTime(entry, due), what: entry });
    }
    if (waiting || this.#agenda.peek()?.what === entry) this.#begin();
  }

  /** An interval after the time before, so that checks stay spread; after the first one, where they come together, at random. */
  #nextTime(entry: Entry, due: number): number {
    const { interval } = entry.check;
    const now = performance.now();
    if (entry.first) {
      entry.first = false;
      return Math.max(now, due + interval * (1 - this.#parts.random()));
    }
    const next = due + interval;
    // What is long overdue is not made up for.
    return now - next > interval / 2 ? now : next;
  }
}

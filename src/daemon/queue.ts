/** Everything that can make the director act, as values in one queue: there is one reader, and so one writer to the kernel. */

import type {
  AdminRequest,
  ApplyDone,
  ApplyHow,
  ConfigText,
  DiffDone,
  MigrateDone,
  MigrateRequest,
  OverrideName,
  Refused,
  ReloadDone,
  RulesDone,
  RulesRequest,
  WrittenOverrides,
} from '../api/control.ts';
import type { AdminChange } from '../core/model/override.ts';

/** An event, with whom to answer where somebody waits. */
export type Event =
  | { readonly kind: 'reload'; readonly answer: Answer<ReloadDone | Refused> }
  | {
      readonly kind: 'diff';
      readonly config: ConfigText | undefined;
      readonly answer: Answer<DiffDone | Refused>;
    }
  | {
      readonly kind: 'apply';
      readonly config: ConfigText;
      readonly how: ApplyHow;
      readonly answer: Answer<ApplyDone | Refused>;
    }
  | {
      readonly kind: 'admin';
      readonly request: AdminRequest;
      readonly answer: Answer<AdminChange['servers']>;
    }
  | { readonly kind: 'rules'; readonly request: RulesRequest; readonly answer: Answer<RulesDone> }
  | {
      readonly kind: 'drop';
      readonly of: readonly OverrideName[] | 'all';
      readonly answer: Answer<ReloadDone>;
    }
  | {
      readonly kind: 'write-overrides';
      readonly dry: boolean;
      readonly answer: Answer<WrittenOverrides | Refused>;
    }
  | {
      readonly kind: 'migrate';
      readonly request: MigrateRequest;
      readonly answer: Answer<MigrateDone | Refused>;
    }
  /** A migration is under way: what has the old plane left? */
  | { readonly kind: 'migration' }
  | { readonly kind: 'look' }
  /** Servers have come up or gone down: weights are to be what the verdicts now say. */
  | { readonly kind: 'verdicts' }
  /** A drain has come to its deadline. */
  | { readonly kind: 'deadlines' }
  /** Nothing to do but to show that the loop comes round. */
  | { readonly kind: 'pulse' }
  | { readonly kind: 'down'; readonly answer: Answer<readonly string[]> }
  | { readonly kind: 'stop' };

/** Where the outcome of an event goes. */
export interface Answer<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

const isHint = ({ kind }: Event): boolean => kind === 'look' || kind === 'pulse' || kind === 'migration';

/** A queue that one reader iterates over; it ends after `close`. */
export class EventQueue implements AsyncIterable<Event> {
  readonly #events: Event[] = [];
  #wake: (() => void) | undefined;
  #closed = false;

  /** Puts an event at the end. A `look`, `pulse`, `migration`, `verdicts` or `deadlines` that is waiting already is not put twice: once does for all. */
  push(event: Event): void {
    const isOnce = isHint(event) || event.kind === 'verdicts' || event.kind === 'deadlines';
    if (isOnce && this.#events.some((one) => one.kind === event.kind)) return;
    if (this.#closed) {
      if ('answer' in event) event.answer.reject(new Error('the director is ending'));
      return;
    }
    this.#events.push(event);
    this.#wake?.();
  }

  /** True while something waits that is not a hint. */
  get pressing(): boolean {
    return this.#events.some((event) => !isHint(event));
  }

  /** Puts the event that `make` builds around an answer, and resolves with that answer. */
  ask<T>(make: (answer: Answer<T>) => Event): Promise<T> {
    return new Promise<T>((resolve, reject) => this.push(make({ resolve, reject })));
  }

  /** Ends the iteration after the event under way; whoever still waits for an answer is refused. */
  close(): void {
    this.#closed = true;
    for (const event of this.#events.splice(0))
      if ('answer' in event) event.answer.reject(new Error('the director is ending'));
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Event> {
    while (!this.#closed) {
      const event = this.#events.shift();
      if (event !== undefined) yield event;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }
}

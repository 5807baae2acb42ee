/** The daemon's end of the thread that makes the checks. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { NO_CHECKS, type SchedulerReport } from '../core/health/scheduler.ts';
import type { CheckState } from '../core/health/state.ts';
import type { Check, CheckKey } from '../core/model/check.ts';
import { endOrphan } from '../kernel/orphan.ts';
import { groupMemory, groupsIn } from './groups.ts';
import type { ChecksReport, FromChecks, ThreadData, ToChecks } from './messages.ts';

/** How a thread is watched, in milliseconds. */
export interface ThreadPace {
  /** Between two questions whether it still answers, and how long it may take over one. */
  readonly ask: number;
  readonly answer: number;
  /** Before one that has died is started anew. */
  readonly restart: number;
}

const PACE: ThreadPace = { ask: 5_000, answer: 15_000, restart: 1_000 };
/** How long a thread may take to end by itself, in milliseconds, before it is ended. */
const END_MS = 1_000;

/** What is told of the checks. */
export interface ChecksListener {
  /** States whose verdicts have changed. */
  changed(states: ReadonlyMap<CheckKey, CheckState>): void;
  /** The thread has died and is started anew; verdicts stay as they are. */
  died(why: Error): void;
}

/** All checks, made by a thread of their own. */
export interface CheckThread {
  /** Makes these checks from now on, and no others; `states` says what is known of them. */
  set(checks: ReadonlyMap<CheckKey, Check>, states: ReadonlyMap<CheckKey, CheckState>): void;
  /** The present states and how the scheduler keeps its times; rejects when the thread does not answer. */
  report(): Promise<ChecksReport>;
  /** How the scheduler kept its times when it was last asked: every few seconds. */
  readonly latest: SchedulerReport;
  close(): Promise<void>;
}

/** Opens it; the thread itself is started with the first check. The program of the thread, and its pace, are others for tests. */
export function openChecks(
  listener: ChecksListener,
  { file, pace = PACE }: { readonly file?: string; readonly pace?: ThreadPace } = {},
): CheckThread {
  let worker: Worker | undefined;
  let closed = false;
  let lastId = 0;
  let latest = NO_CHECKS;
  let asking = false;
  /** Why the thread ends, as far as that is known. */
  let why = new Error();
  let restart: NodeJS.Timeout | undefined;
  let wanted: Parameters<CheckThread['set']> = [new Map(), new Map()];
  /** Verdicts of this thread's life, so that the next one goes on from there. */
  const learnt = new Map<CheckKey, CheckState>();
  const waiting = new Map<
    number,
    { resolve: (report: ChecksReport) => void; reject: (why: Error) => void }
  >();

  const say = (message: ToChecks) => worker?.postMessage(message);
  const start = () => {
    if (closed || worker !== undefined || wanted[0].size === 0) return;
    const groups = groupMemory();
    const own = new Worker(file ?? workerFile(), { workerData: { groups } satisfies ThreadData });
    worker = own;
    why = new Error('the thread that makes the checks ended');
    own.on('message', (message: FromChecks) => {
      if (message.kind === 'changed') {
        for (const [key, state] of message.states) learnt.set(key, state);
        listener.changed(message.states);
      } else {
        waiting.get(message.id)?.resolve({ states: message.states, scheduler: message.scheduler });
        waiting.delete(message.id);
      }
    });
    own.on('error', (error) => {
      why = error as Error;
    });
    own.on('exit', () => {
      if (worker === own) worker = undefined;
      // They are not to outlive who waits for them.
      for (const pid of groupsIn(groups)) endOrphan(pid);
      for (const { reject } of waiting.values()) reject(why);
      waiting.clear();
      if (closed) return;
      listener.died(why);
      restart = setTimeout(start, pace.restart);
    });
    sendAll();
  };
  const sendAll = () => {
    const [checks, states] = wanted;
    say({
      kind: 'set',
      checks: [...checks].map(([key, check]) => ({ key, check, state: learnt.get(key) ?? states.get(key) })),
    });
  };
  const report = (all: boolean): Promise<ChecksReport> => {
    if (worker === undefined) return Promise.resolve({ states: new Map(learnt), scheduler: NO_CHECKS });
    const id = ++lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(id);
        reject(new Error(`the thread that makes the checks does not answer for ${pace.answer / 1000} s`));
      }, pace.answer);
      const ended =
        <T>(settle: (value: T) => void) =>
        (value: T) => {
          clearTimeout(timer);
          settle(value);
        };
      waiting.set(id, { resolve: ended(resolve), reject: ended(reject) });
      say({ kind: 'ask', id, states: all });
    });
  };
  // A fault of ours might hold the thread for ever: then it is ended, and another one takes its place.
  const guard = setInterval(() => {
    const own = worker;
    if (own === undefined || asking) return;
    asking = true;
    report(false)
      .then(
        ({ scheduler }) => {
          latest = scheduler;
        },
        (silent: Error) => {
          why = silent;
          void own.terminate();
        },
      )
      .finally(() => {
        asking = false;
      });
  }, pace.ask);
  return {
    set(checks, states) {
      wanted = [checks, states];
      for (const key of learnt.keys()) if (!checks.has(key)) learnt.delete(key);
      if (worker === undefined) start();
      else sendAll();
    },
    report: () => report(true),
    get latest() {
      return latest;
    },
    async close() {
      closed = true;
      clearInterval(guard);
      clearTimeout(restart);
      const own = worker;
      if (own === undefined) return;
      say({ kind: 'end' });
      const late = setTimeout(() => void own.terminate(), END_MS);
      await new Promise((resolve) => own.once('exit', resolve));
      clearTimeout(late);
    },
  };
}

/** The thread's program: beside the bundle, or in dist/ when run from source. */
function workerFile(): string {
  const places = ['./checks.js', '../../dist/checks.js'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  const found = places.find(existsSync);
  if (found === undefined)
    throw new Error(`checks.js is not built (looked at ${places.join(', ')}); run make build`);
  return found;
}

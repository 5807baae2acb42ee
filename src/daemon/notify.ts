/** Runs notify commands: without a shell, each once at a time and in the order of the events, with an end to their time and number. */
import {
  type Happened,
  type NotifyCommand,
  notifyArguments,
  notifyEnvironment,
} from '../core/model/notify.ts';
import { startGroup } from '../kernel/process-group.ts';
import type { Log } from '../observe/log.ts';

/** The most events that wait for one command; what comes beyond that is dropped, and said. */
export const MAX_WAITING = 256;

/** How a run ended: undefined when all was well. */
type Trouble = string | undefined;

/** One command with the events that wait for it. */
interface Line {
  readonly own: NotifyCommand;
  readonly waiting: Happened[];
  dropped: number;
  /** Kills what runs. */
  stop: (() => void) | undefined;
}

/** Runs commands; close it. */
export class Notifier {
  readonly #log: Log;
  #lines: readonly Line[] = [];
  #closed = false;

  /** `log` is told what goes wrong; it must not be one whose events come back here. */
  constructor(log: Log) {
    this.#log = log;
  }

  /** The commands from now on. One that stays keeps what waits for it; what waits for another is forgotten, a run under way goes on. */
  adopt(commands: readonly NotifyCommand[]): void {
    const before = new Map(this.#lines.map((line) => [JSON.stringify(line.own), line]));
    const next = commands.map(
      (own) => before.get(JSON.stringify(own)) ?? { own, waiting: [], dropped: 0, stop: undefined },
    );
    for (const line of this.#lines) if (!next.includes(line)) line.waiting.length = 0;
    this.#lines = next;
  }

  /** Something has happened: whoever is to be told gets it in its turn. */
  tell(happened: Happened): void {
    if (this.#closed) return;
    for (const line of this.#lines) {
      if (!line.own.events.some((event) => event === happened.event)) continue;
      if (line.waiting.length >= MAX_WAITING) {
        // Said at once, and the number when there is room again.
        if (line.dropped++ === 0) this.#log.warn('notify_dropped', { command: line.own.command[0] });
      } else {
        line.waiting.push(happened);
        if (line.stop === undefined) void this.#serve(line);
      }
    }
  }

  /** Kills what runs, and forgets what waits. */
  close(): void {
    this.#closed = true;
    for (const line of this.#lines) {
      line.waiting.length = 0;
      line.stop?.();
    }
  }

  async #serve(line: Line): Promise<void> {
    const [program] = line.own.command;
    for (let next = line.waiting.shift(); next !== undefined; next = line.waiting.shift()) {
      const trouble = await run(line, next);
      if (trouble !== undefined && !this.#closed)
        this.#log.warn('notify_command_failed', { command: program, of: next.event, reason: trouble });
    }
    line.stop = undefined;
    if (line.dropped > 0) this.#log.warn('notify_dropped', { command: program, dropped: line.dropped });
    line.dropped = 0;
  }
}

/** Runs a command once; it and all of its process group are gone when this resolves. */
function run(line: Line, happened: Happened): Promise<Trouble> {
  const { command, timeout } = line.own;
  return new Promise((resolve) => {
    const words = [...command, ...notifyArguments(happened)];
    const group = startGroup(words, { env: notifyEnvironment(happened), stdout: false });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      group.kill();
    }, timeout);
    line.stop = group.kill;
    const end = (trouble: Trouble) => {
      clearTimeout(timer);
      group.forget();
      resolve(trouble);
    };
    group.child.on('error', (error: NodeJS.ErrnoException) =>
      end(`cannot be run: ${error.code ?? error.message}`),
    );
    group.child.on('exit', (code, signal) => {
      const first = group.said.err
        .toString('utf8')
        .trimStart()
        .split('\n', 1)[0]!
        .replace(/\p{Cc}/gu, ' ');
      const how = late
        ? `killed after ${timeout} ms`
        : code === null
          ? `ended by ${signal}`
          : `exit status ${code}`;
      end(code === 0 && !late ? undefined : `${how}${first === '' ? '' : `: ${first}`}`);
    });
  });
}

/** A log that also tells the notifier of every event from info on. */
export function notifyingLog(log: Log, notifier: Pick<Notifier, 'tell'>): Log {
  const told =
    (level: 'info' | 'warn') =>
    (event: string, fields: Readonly<Record<string, unknown>> = {}) => {
      log[level](event, fields);
      notifier.tell({ event, time: new Date().toISOString(), fields });
    };
  return { ...log, info: told('info'), warn: told('warn') };
}

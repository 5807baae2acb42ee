/** A process of the lab that runs until it is stopped: its lines, its end, and stopping it by its pid. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { LabError } from './command.ts';

/** How a process ended. */
export interface ProcessEnd {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A running process. */
export interface LabProcess {
  readonly pid: number;
  /** What it was started as, for messages. */
  readonly title: string;
  /** Resolves when it has ended; never rejects. */
  readonly ended: Promise<ProcessEnd>;
  /** The last lines (500 at most) of its standard output and standard error, in the order they came. */
  output(): string;
  /** Calls back for every further line of its standard output; the function returned ends that. */
  onLine(callback: (line: string) => void): () => void;
  /**
   * The first line of standard output, past or to come, that the test accepts; a LabError with the process's output
   * when it ends before, or after `timeout` milliseconds (default 15,000).
   */
  waitForLine(accept: (line: string) => boolean, timeout?: number): Promise<string>;
  /** Writes a line to its standard input. */
  send(line: string): void;
  signal(signal: NodeJS.Signals): void;
  /** TERM, then KILL after `grace` milliseconds (default 3,000); resolves when it has ended. */
  stop(grace?: number): Promise<ProcessEnd>;
  /** Lets it go on after this program has ended. */
  release(): void;
}

/** What a process may be given. */
export interface SpawnOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Shown in messages; the command line by default. */
  readonly title?: string;
}

const keptLines = 500;

/** Starts a process; throws a LabError when the program cannot be started. */
export async function startProcess(argv: readonly string[], options: SpawnOptions = {}): Promise<LabProcess> {
  const [file, ...rest] = argv;
  if (file === undefined) throw new RangeError('a command has at least one word');
  const title = options.title ?? argv.join(' ');
  // Detached: Ctrl-C at a terminal reaches this program alone, which then ends its processes in order.
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn(file, rest, {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
  });
  const lines: { readonly text: string; readonly fromStdout: boolean }[] = [];
  const listeners = new Set<(line: string) => void>();
  const keep = (text: string, fromStdout: boolean): void => {
    lines.push({ text, fromStdout });
    if (lines.length > keptLines) lines.shift();
    if (fromStdout) for (const listener of [...listeners]) listener(text);
  };
  createInterface({ input: child.stdout }).on('line', (line) => keep(line, true));
  createInterface({ input: child.stderr }).on('line', (line) => keep(line, false));
  child.stdin.on('error', () => {});
  let end: ProcessEnd | undefined;
  const ended = new Promise<ProcessEnd>((resolve) => {
    child.on('close', (code, signal) => {
      end = { code, signal };
      resolve(end);
    });
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) => reject(new LabError(`cannot start ${title}: ${error.message}`)));
  });
  const output = (): string => lines.map((line) => line.text).join('\n');
  const onLine = (callback: (line: string) => void): (() => void) => {
    listeners.add(callback);
    return () => listeners.delete(callback);
  };
  const signal = (name: NodeJS.Signals): void => {
    if (child.exitCode === null && child.signalCode === null) child.kill(name);
  };
  return {
    pid: child.pid!,
    title,
    ended,
    output,
    onLine,
    signal,
    waitForLine(accept, timeout = 15_000) {
      const past = lines.find((line) => line.fromStdout && accept(line.text));
      if (past !== undefined) return Promise.resolve(past.text);
      return new Promise((resolve, reject) => {
        const finish = (action: () => void): void => {
          clearTimeout(timer);
          forget();
          action();
        };
        const giveUp = (why: string): void =>
          finish(() => reject(new LabError(`${title} ${why}; it said:\n${output()}`)));
        const timer = setTimeout(
          () => giveUp(`did not say what was waited for within ${timeout} ms`),
          timeout,
        );
        const forget = onLine((line) => {
          if (accept(line)) finish(() => resolve(line));
        });
        void ended.then((how) => giveUp(`ended (${how.signal ?? `code ${how.code}`})`));
      });
    },
    send(line) {
      child.stdin.write(`${line}\n`);
    },
    async stop(grace = 3_000) {
      if (end !== undefined) return end;
      signal('SIGTERM');
      const timer = setTimeout(() => signal('SIGKILL'), grace);
      const how = await ended;
      clearTimeout(timer);
      return how;
    },
    release() {
      child.unref();
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
    },
  };
}

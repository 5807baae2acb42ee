/** Programs that run without a shell, each in a process group of its own: all that one starts can be ended with it. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';

/** How much of what it prints is kept of each stream, in bytes; the rest is read and forgotten. */
const KEPT_OUTPUT = 512;
/** Told of a group that begins; the function it returns is called when its program has ended, and its number may be another's. */
export type GroupWatch = (pid: number) => () => void;

/** What all programs find: the places of Debian's, and messages that do not depend on where the machine stands. */
const SURROUNDINGS = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C' };

/** What a program is started with. */
export interface GroupOptions {
  /** Its environment besides PATH and LANG; nothing of our own, in which there may be secrets. */
  readonly env: Readonly<Record<string, string>>;
  /** Whether its standard output is read; its standard error is. */
  readonly stdout: boolean;
  readonly watch?: GroupWatch;
}

/** A program that runs, with all that it has started and not put into another group. */
export interface ProcessGroup {
  /** For its events: `error` when it cannot be started, `exit`, `close`. */
  readonly child: ChildProcess;
  /** True once it has been waited for. */
  readonly ended: boolean;
  /** The beginning of what it has said on standard output (`out`) and error so far. */
  readonly said: { readonly out: Buffer; readonly err: Buffer };
  /** Kills all of them, unless the program has ended: what it left behind was killed then. */
  kill(): void;
  /** Hears no more of it. */
  forget(): void;
}

/** Starts a program, named by its absolute path: `/` is its directory, it has nothing to read and none of our descriptors. */
export function startGroup([program = '', ...words]: readonly string[], options: GroupOptions): ProcessGroup {
  const child = spawn(program, words, {
    env: { ...SURROUNDINGS, ...options.env },
    cwd: '/',
    stdio: ['ignore', options.stdout ? 'pipe' : 'ignore', 'pipe'],
    detached: true,
  });
  const leave = child.pid === undefined ? undefined : options.watch?.(child.pid);
  const [out, err] = [keep(child.stdout), keep(child.stderr)];
  const ended = () => child.exitCode !== null || child.signalCode !== null;
  child.on('exit', () => {
    // What it left behind may still hold its output open.
    killGroup(child.pid);
    leave?.();
  });
  return {
    child,
    get ended() {
      return ended();
    },
    get said() {
      return { out: out(), err: err() };
    },
    kill() {
      if (!ended()) killGroup(child.pid);
    },
    forget() {
      child.stdout?.destroy();
      child.stderr?.destroy();
    },
  };
}

function keep(stream: Readable | null): () => Buffer {
  let kept = Buffer.alloc(0);
  stream?.on('data', (piece: Buffer) => {
    if (kept.length < KEPT_OUTPUT) kept = Buffer.concat([kept, piece]).subarray(0, KEPT_OUTPUT);
  });
  stream?.on('error', () => {});
  return () => kept;
}

/** Kills a process group; nothing happens where nobody is left in it. */
export function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left in it.
  }
}

/** Runs in the guest: the daemon as a child, and what it says. */
import { spawn } from 'node:child_process';

/** A daemon that has been started. */
export interface Daemon {
  readonly child: ReturnType<typeof spawn>;
  /** Its exit code; null where a signal has ended it. */
  readonly ended: Promise<number | null>;
  /** Waits until it has said these words, and returns the line; throws with all that it said when it ends without. */
  readonly until: (words: string) => Promise<string>;
}

/** Starts `weir run` with these arguments. */
export function startDaemon(program: string, argv: readonly string[]): Daemon {
  const child = spawn(process.execPath, [program, 'run', ...argv]);
  let said = '';
  const waiting: (() => void)[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      for (const go of waiting.splice(0)) go();
    });
  const ended = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)));
  return {
    child,
    ended,
    until: async (words) => {
      const over = ended.then(() => true as const);
      while (!said.includes(words)) {
        const more = new Promise<false>((resolve) => waiting.push(() => resolve(false)));
        if ((await Promise.race([more, over])) && !said.includes(words))
          throw new Error(`weir ended without “${words}”:\n${said}`);
      }
      return said.split('\n').find((line) => line.includes(words))!;
    },
  };
}

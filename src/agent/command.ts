/** Runs the program that gives a figure: without a shell, with an end to its time, and gone with all that it has started. */
import { spawn } from 'node:child_process';

/** How much of what it prints is kept, in bytes; the rest is read and forgotten. */
const KEPT = 512;

/** What it prints, in so many milliseconds; rejects with why there is nothing. */
export function runCommand([program = '', ...words]: readonly string[], timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, {
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C' },
      cwd: '/',
      stdio: ['ignore', 'pipe', 'ignore'],
      // A session and process group of its own, so that what it starts can be ended with it.
      detached: true,
    });
    let printed = '';
    child.stdout.on('data', (piece: Buffer) => {
      if (printed.length < KEPT) printed += piece.toString('utf8', 0, KEPT);
    });
    const kill = () => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // Nobody is left in it.
      }
    };
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      // Once it has been waited for, the number may be another's.
      if (child.exitCode === null && child.signalCode === null) kill();
      child.stdout.destroy();
    }, timeoutMs);
    const fail = (why: string) => {
      clearTimeout(timer);
      reject(new Error(`${program} ${why}`));
    };
    child.on('error', (error: NodeJS.ErrnoException) =>
      fail(`cannot be run: ${error.code ?? error.message}`),
    );
    // What it left behind would hold its output open.
    child.on('exit', kill);
    child.on('close', (code, signal) => {
      if (isLate) return fail(`was killed after ${timeoutMs} ms`);
      if (code !== 0) return fail(code === null ? `was ended by ${signal}` : `ended with status ${code}`);
      clearTimeout(timer);
      resolve(printed);
    });
  });
}

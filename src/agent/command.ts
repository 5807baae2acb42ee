/** Runs the program that gives a figure: without a shell, with an end to its time, and gone with all that it has started. */
import { startGroup } from '../kernel/process-group.ts';

/** What it prints, in so many milliseconds; rejects with why there is nothing. */
export function runCommand(command: readonly string[], timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const group = startGroup(command, { env: {}, stdout: true });
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      group.kill();
      // Who has left the group may still hold its output open.
      group.forget();
    }, timeoutMs);
    const fail = (why: string) => {
      clearTimeout(timer);
      reject(new Error(`${command[0]} ${why}`));
    };
    group.child.on('error', (error: NodeJS.ErrnoException) =>
      fail(`cannot be run: ${error.code ?? error.message}`),
    );
    group.child.on('close', (code, signal) => {
      if (isLate) return fail(`was killed after ${timeoutMs} ms`);
      if (code !== 0) return fail(code === null ? `was ended by ${signal}` : `ended with status ${code}`);
      clearTimeout(timer);
      resolve(group.said.out.toString('utf8'));
    });
  });
}

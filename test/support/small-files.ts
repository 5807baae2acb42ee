/** A disk that is full, as far as this process is concerned: no file gets longer than so many bytes. */
import { execFileSync } from 'node:child_process';

/**
 * Acts while this process can write no file beyond `bytes` (setrlimit(2), RLIMIT_FSIZE): a write that reaches it is
 * done in part, as on a disk that gets full, and the next one fails, with EFBIG. Node ignores SIGXFSZ. `act` must not wait.
 */
export function withSmallFiles<T>(bytes: number, act: () => T): T {
  const limit = (most: number | string) =>
    execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${most}:`]);
  limit(bytes);
  try {
    return act();
  } finally {
    limit('unlimited');
  }
}

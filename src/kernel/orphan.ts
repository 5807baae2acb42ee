/** The end of programs whose thread has gone. */
import { readFileSync } from 'node:fs';
import { libc } from './libc.ts';
import { killGroup } from './process-group.ts';

/** Between two looks whether a killed program has ended, in milliseconds, and how often. */
const REAP_PAUSE_MS = 50;
const REAP_ATTEMPTS = 100;

/**
 * Ends a group that a thread of this process started, after that thread has gone: nobody else waits for its program, so that is
 * done here, too. Does nothing when the number has become another's.
 */
export function endOrphan(pid: number): void {
  if (parentOf(pid) !== process.pid) return;
  killGroup(pid);
  let attempts = 0;
  const reap = () => {
    // A process that ends leaves this to init.
    if (!libc().reap(pid) && ++attempts < REAP_ATTEMPTS) setTimeout(reap, REAP_PAUSE_MS).unref();
  };
  reap();
}

/** By proc(5), stat: what comes after the name, which may have any character. Undefined when there is no such process. */
function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}

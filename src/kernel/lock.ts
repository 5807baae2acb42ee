/** One writer at a time: a lock on a directory that ends with its process, however that ends (flock(2)). */
import { closeSync, openSync } from 'node:fs';
import koffi from 'koffi';
import { KernelError } from './errors.ts';
import { once } from './once.ts';

const LOCK_EX = 2;
const LOCK_NB = 4;
const EWOULDBLOCK = 11;

const flock = once(() => koffi.load('libc.so.6').func('int flock(int fd, int operation)'));

/**
 * Locks an existing directory; the returned function lets go. Undefined when somebody else holds the lock; throws a
 * KernelError when the file system knows no locks.
 */
export function lockDirectory(directory: string): (() => void) | undefined {
  const fd = openSync(directory, 'r');
  if (flock()(fd, LOCK_EX | LOCK_NB) === 0) return () => closeSync(fd);
  const errno = koffi.errno();
  closeSync(fd);
  if (errno === EWOULDBLOCK) return undefined;
  throw new KernelError(`lock ${directory}`, errno);
}

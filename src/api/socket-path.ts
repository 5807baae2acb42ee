/** Where the control socket may lie. */
import { join } from 'node:path';

/** The longest path of a unix socket in bytes: sun_path has 108 with the final zero (unix(7)). */
const MAX_SOCKET_PATH = 107;

/** Throws a RangeError that says what to do when the path is too long for a unix socket. */
export function checkSocketPath(path: string): void {
  const length = Buffer.byteLength(path);
  if (length > MAX_SOCKET_PATH)
    throw new RangeError(
      `the control socket's path has ${length} bytes, and the kernel takes ${MAX_SOCKET_PATH}: ${path}; choose a shorter run directory`,
    );
}

/** The socket's path within a run directory. */
export function socketPathIn(runDir: string): string {
  return join(runDir, 'weir.sock');
}

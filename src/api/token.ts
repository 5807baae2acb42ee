/** The token that a client over TCP has to show, and the files it and the TLS key come from. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';

/** Fewer characters than these could be guessed. */
const SHORTEST = 20;

/** A file of secrets cannot be used; the message says why and what to do. */
export class SecretRefused extends Error {
  override readonly name = 'SecretRefused';
}

/** Reads a file that nobody in `forbidden` (permission bits) may open; throws SecretRefused for one that is too open, or cannot be read. */
export function readSecret(path: string, forbidden: number, advice: string): string {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    throw new SecretRefused(`${path} cannot be read: ${(error as Error).message}`);
  }
  try {
    // Of the file that is open, not of whatever has its name by then.
    const { mode, uid } = fstatSync(fd);
    if ((mode & forbidden) !== 0)
      throw new SecretRefused(
        `${path} has mode ${(mode & 0o777).toString(8)}, so others can read it; ${advice} ${path}`,
      );
    if (uid !== 0 && uid !== process.geteuid?.())
      throw new SecretRefused(`${path} belongs to another user (uid ${uid}); chown it to the daemon's`);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

/** The token in a file for its owner alone: 20 or more printable characters without spaces, on one line. */
export function readToken(path: string): string {
  const token = readSecret(path, 0o077, 'chmod 600').trim();
  if (!/^[\x21-\x7e]+$/.test(token) || token.length < SHORTEST)
    throw new SecretRefused(
      `${path} holds no token: it takes ${SHORTEST} or more printable characters on one line, such as openssl rand -hex 32 prints`,
    );
  return token;
}

const digest = (text: string) => createHash('sha256').update(text).digest();

/** Whether an Authorization header shows the token (RFC 6750, section 2.1); takes as long for any wrong one. */
export function tokenCheck(token: string): (header: string | undefined) => boolean {
  const wanted = digest(token);
  return (header) => {
    const shown = /^Bearer +(\S+)$/i.exec(header ?? '')?.[1] ?? '';
    // Digests have one length, and say nothing of how far a guess was right.
    return timingSafeEqual(digest(shown), wanted);
  };
}

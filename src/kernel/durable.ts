/** Files that a crash, a kill or a full disk leaves as they were or as they are to be. All that Weir keeps is written here. */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** A file could not be written; it is as it was. */
export class NotWritten extends Error {
  override readonly name = 'NotWritten';
  /** Why, as node:fs says it. */
  readonly reason: string;
  /** The errno's name, such as `ENOSPC`. */
  readonly code: string | undefined;

  constructor(path: string, cause: NodeJS.ErrnoException) {
    super(`${path} cannot be written, and is as it was: ${cause.message}`, { cause });
    this.reason = cause.message;
    this.code = cause.code;
  }
}

/** The text of a file that may not be there yet; throws an Error that says why it cannot be read. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/** Who may do what with a file. */
export interface Permissions {
  /** Whatever the umask. Default: its owner alone. */
  readonly mode?: number;
  /** Default: who writes it. */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/**
 * Writes a file so that a crash leaves the old one or the new one: a temporary file, fsync, rename, and fsync of the directory,
 * without which the rename itself may be lost (rename(2), fsync(2)). The directory is made, for its owner alone, if it is not
 * there. Of two that write it at once the later one's stays, whole. Throws a `NotWritten`, or what node:fs
 * throws where the directory cannot be synced.
 */
export function writeDurably(path: string, text: string, permissions: Permissions = {}): void {
  const directory = dirname(path);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    removeLeft(path);
    replace(path, text, permissions);
  } catch (error) {
    throw new NotWritten(path, error as NodeJS.ErrnoException);
  }
  syncDirectory(directory);
}

function replace(path: string, text: string, { mode = 0o600, owner }: Permissions): void {
  // A name for each writer: two that shared one would rename each other's halves.
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`;
  const fd = openSync(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    try {
      writeFileSync(fd, text);
      // By the descriptor: the directory may be another's, who could put a link in the file's place.
      const own = fstatSync(fd);
      // Before it is another's: then root itself needs CAP_FOWNER for it, which weir.service leaves to nobody.
      fchmodSync(fd, mode);
      if (owner !== undefined && (own.uid !== owner.uid || own.gid !== owner.gid))
        fchownSync(fd, owner.uid, owner.gid);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    // On a full disk it would take what room there is.
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** What writers have left who were killed in the middle: those of a process that has ended, or of this one, which writes one file at a time. */
function removeLeft(path: string): void {
  const begin = `${basename(path)}.`;
  for (const name of readdirSync(dirname(path))) {
    if (!name.startsWith(begin)) continue;
    const pid = /^(\d+)-[0-9a-f]{8}\.tmp$/.exec(name.slice(begin.length))?.[1];
    if (pid === undefined || (Number(pid) !== process.pid && existsSync(`/proc/${pid}`))) continue;
    rmSync(join(dirname(path), name), { force: true });
  }
}

/** Makes sure that what was renamed or removed in a directory stays so. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

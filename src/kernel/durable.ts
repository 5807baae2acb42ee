/** Files that a crash leaves as they were or as they are to be. */
import {
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';

/**
 * Writes a file for its owner alone, so that a crash leaves the old one or the new one: a temporary file, fsync, rename,
 * and fsync of the directory, without which the rename itself may be lost (rename(2), fsync(2)). The directory is made, for
 * its owner alone, if it is not there. `mode` is the new file's, whatever the umask. Throws what node:fs throws; the old file is there then.
 */
export function writeDurably(path: string, text: string, mode = 0o600): void {
  const directory = dirname(path);
  const temporary = `${path}.tmp`;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  rmSync(temporary, { force: true });
  const fd = openSync(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    try {
      writeFileSync(fd, text);
      // By the descriptor: the directory may be another's, who could put a link in the file's place.
      fchmodSync(fd, mode);
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
  syncDirectory(directory);
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

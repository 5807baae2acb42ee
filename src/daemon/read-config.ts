/** Configurations as the daemon reads them: from its file, or as text that somebody sent. */
import { createHash } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';
import { type ConfigText, type Refused, VersionConflict } from '../api/control.ts';
import { parseConfig } from '../config/parse.ts';
import { formatProblem } from '../config/problems.ts';
import type { Config } from '../core/model/config.ts';
import type { PlaneKind } from '../core/model/host.ts';
import type { VirtualService } from '../core/model/service.ts';
import { writeDurably } from '../kernel/durable.ts';

/** A good configuration with the text it was read from. */
export interface ReadConfig extends ConfigText {
  readonly ok: true;
  /** What `versionOf` says of the text. */
  readonly version: string;
  readonly config: Config;
}

/** Why a file cannot be read, and what to do. */
const WHY_NOT: Readonly<Record<string, (file: string) => string>> = {
  ENOENT: (file) =>
    `there is no file ${file}; write it, or name another with -c (man weir.yaml has an example)`,
  EACCES: (file) => `${file} may not be read by this user`,
  EISDIR: (file) => `${file} is a directory, and no file`,
};

/** Reads and checks a configuration file, as `checkConfig` does; a file that cannot be read is a problem like any other. */
export async function readConfig(
  file: string,
  running?: PlaneKind,
  instead?: PlaneKind,
  alike?: readonly VirtualService[],
): Promise<ReadConfig | Refused> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = WHY_NOT[code ?? '']?.(file) ?? `${file} cannot be read: ${message}`;
    return { ok: false, problems: [why] };
  }
  return checkConfig({ text, file }, running, instead, alike);
}

/** What names a configuration: the beginning of its text's SHA-256. */
export function versionOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/**
 * Writes the daemon's file so that a crash leaves the old text or the new one. Owner and permissions stay; a symbolic link
 * stays one. Rejects with a NotWritten, or with VersionConflict when the file does not hold `expected` any more: somebody is editing it.
 */
export async function writeConfig(file: string, text: string, expected: string): Promise<void> {
  const target = await realpath(file);
  if (versionOf(await readFile(target, 'utf8')) !== expected)
    throw new VersionConflict(
      `${file} has been edited since it was read; look with weir diff, then reload it or put it back, and apply again`,
    );
  const { mode, uid, gid } = await stat(target);
  writeDurably(target, text, { mode: mode & 0o777, owner: { uid, gid } });
}

/** Checks a text; `file` is what messages call it, the others are those of `parseConfig`. */
export function checkConfig(
  { text, file }: ConfigText,
  running?: PlaneKind,
  instead?: PlaneKind,
  alike?: readonly VirtualService[],
): ReadConfig | Refused {
  const parsed = parseConfig(text, file, running, instead, alike);
  return parsed.ok
    ? { ok: true, text, file, version: versionOf(text), config: parsed.config }
    : { ok: false, problems: parsed.problems.map(formatProblem) };
}

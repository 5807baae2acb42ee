/** The file that the record of originals lives in. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { NotWritten, syncDirectory, writeDurably } from '../kernel/durable.ts';
import { parseJson } from '../kernel/json.ts';
import { networkNamespaceCookie } from '../kernel/netns.ts';
import { codeOf, HostError } from './errors.ts';
import { noOriginals, ORIGINALS_SCHEMA, type Originals, type StackIdentity } from './originals.ts';

/** Where the record lies. */
export function originalsPath(stateDir: string): string {
  return join(stateDir, 'host.json');
}

/**
 * Reads the record; an empty one if there is no file, or if the file is from before a reboot, which undid everything in it.
 * A `HostError` for a file that is damaged, of a later version, or about another network namespace: it is never dropped.
 */
export function loadOriginals(stateDir: string, identity: StackIdentity): Originals {
  const path = originalsPath(stateDir);
  const purpose = 'It holds the values that `weir down` puts back';
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return noOriginals(identity);
    throw new HostError(path, `cannot be read (${codeOf(error)}); run as root`, error);
  }
  const parsed = ORIGINALS_SCHEMA.safeParse(parseJson(text));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `;
    throw new HostError(
      path,
      `damaged or not Weir's (${where}${issue?.message}). ${purpose}: repair it, or move it away and put ` +
        'the sysctls, addresses and the nft table "inet weir" back by hand',
    );
  }
  if (parsed.data.boot_id !== identity.boot_id) return noOriginals(identity);
  if (parsed.data.network_namespace !== identity.network_namespace) {
    throw new HostError(
      path,
      `is about another network namespace. ${purpose} there: run Weir in that one, give this one a state directory of its own, or, if that one is gone, delete the file`,
    );
  }
  return parsed.data;
}

/**
 * Writes the record so that a crash leaves the old one or the new one, for its owner alone. Throws a `HostError`. One
 * that is there already is not written again: what was recorded once can be put right though the disk is full by now.
 */
export function saveOriginals(stateDir: string, record: Originals): void {
  const path = originalsPath(stateDir);
  const text = `${JSON.stringify(record, undefined, 2)}\n`;
  if (holds(path, text)) return;
  try {
    writeDurably(path, text);
  } catch (error) {
    const reason = error instanceof NotWritten ? error.reason : (error as Error).message;
    throw new HostError(path, `cannot be written, so nothing was changed: ${reason}`, error);
  }
}

function holds(path: string, text: string): boolean {
  try {
    return readFileSync(path, 'utf8') === text;
  } catch {
    return false;
  }
}

/** Removes the record; no error if there is none. */
export function deleteOriginals(stateDir: string): void {
  const path = originalsPath(stateDir);
  try {
    rmSync(path);
    syncDirectory(stateDir);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw new HostError(path, `cannot be removed: ${(error as Error).message}`, error);
  }
}

/** The record's file, read anew each time, for `weir down` may be another process than the daemon. */
export interface OriginalsFile {
  load(): Originals;
  save(record: Originals): void;
  delete(): void;
}

/** The file in `stateDir` for the network stack that this process is in. */
export function originalsFile(stateDir: string): OriginalsFile {
  const identity = {
    boot_id: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    network_namespace: networkNamespaceCookie(),
  };
  return {
    load: () => loadOriginals(stateDir, identity),
    save: (record) => saveOriginals(stateDir, record),
    delete: () => deleteOriginals(stateDir),
  };
}

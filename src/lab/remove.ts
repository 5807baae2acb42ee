/**
 * Removes what a lab consists of, from its name alone. Everything here is synchronous, since it must also work while
 * a program exits.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { BPFFS } from '../kernel/bpffs.ts';
import { formatLabName, makerLives, parseLabName } from './names.ts';

/** Every lab's own directory lies here: run, state and log. */
export const labsDirectory = '/run/weir-lab';
/** Where ip-netns(8) keeps named namespaces. */
const netnsDirectory = '/run/netns';
/** A file of this name in a lab's directory says that the lab is to outlive its maker. */
export const keptMark = 'kept';

function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** The processes that live in the named namespaces: all of them belong to the lab that made the namespaces. */
export function processesIn(namespaces: readonly string[]): number[] {
  const inodes = new Set(
    namespaces
      .map((name) => join(netnsDirectory, name))
      .filter((path) => existsSync(path))
      .map((path) => `net:[${statSync(path).ino}]`),
  );
  const pids = entriesOf('/proc').filter((entry) => /^\d+$/.test(entry));
  return pids
    .filter((pid) => {
      try {
        return inodes.has(readlinkSync(`/proc/${pid}/ns/net`));
      } catch {
        return false; // It has just ended.
      }
    })
    .map(Number);
}

/** Kills what still runs in the lab, and removes its namespaces, its directory and its pins. */
export function removeLab(lab: string): void {
  const namespaces = entriesOf(netnsDirectory).filter((name) => {
    const parsed = parseLabName(name);
    return parsed !== undefined && formatLabName(parsed) === lab;
  });
  for (const pid of processesIn(namespaces)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has just ended.
    }
  }
  if (namespaces.length > 0) {
    const input = namespaces.map((name) => `netns del ${name}\n`).join('');
    spawnSync('ip', ['-force', '-batch', '-'], { input, stdio: ['pipe', 'ignore', 'ignore'] });
  }
  rmSync(join(BPFFS, lab), { recursive: true, force: true });
  rmSync(join(labsDirectory, lab), { recursive: true, force: true });
}

/** What `removeStaleLabs` may be told. */
export interface StaleOptions {
  /** Also removes labs that were kept on purpose. Default false. */
  readonly kept?: boolean;
  /** Only labs of this prefix; all by default. */
  readonly prefix?: string;
}

/** Removes the labs whose maker is dead; returns their names. */
export function removeStaleLabs(options: StaleOptions = {}): string[] {
  const found = new Set<string>();
  for (const name of [...entriesOf(netnsDirectory), ...entriesOf(labsDirectory), ...entriesOf(BPFFS)]) {
    const parsed = parseLabName(name);
    if (parsed === undefined || makerLives(parsed)) continue;
    if (options.prefix !== undefined && parsed.prefix !== options.prefix) continue;
    found.add(formatLabName(parsed));
  }
  const stale = [...found].filter(
    (lab) => options.kept === true || !existsSync(join(labsDirectory, lab, keptMark)),
  );
  for (const lab of stale) removeLab(lab);
  return stale;
}

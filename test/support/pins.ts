/** Directories of their own for the pins of tests. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { removePinDir } from '../../src/dataplane/bpf/tables.ts';
import { ensureOnBpffs } from '../../src/kernel/bpffs.ts';

const PROBES = '/sys/fs/bpf/weir-probe';

/** Makes a new one on the BPF file system. */
export function makePins(): string {
  ensureOnBpffs(PROBES);
  return mkdtempSync(join(PROBES, 'run-'));
}

/** Removes one, whose layouts have been unpinned, and what it lay in when it was the last. */
export function removePins(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
  removePinDir(PROBES);
}

/** Directories of their own for the pins of tests. */
import { mkdtempSync, rmSync } from 'node:fs';
import { BPFFS, mountBpffs } from '../../src/kernel/bpffs.ts';

/** Makes a new one on the BPF file system. No two tests have a directory in common, so one may end while another begins. */
export function makePins(): string {
  mountBpffs();
  return mkdtempSync(`${BPFFS}/weir-probe-`);
}

/** Removes one, whose layouts have been unpinned. */
export function removePins(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
}

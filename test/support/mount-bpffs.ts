/** Mounts the BPF file system before two tests could do so at once, one over the other. */
import { mountBpffs } from '../../src/kernel/bpffs.ts';

/** Without root nothing is mounted: what a test needs root for, it says itself. */
export function setup(): void {
  if (process.getuid?.() === 0) mountBpffs();
}

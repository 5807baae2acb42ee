/** The file system that pinned programs and maps live in. */
import { mkdir, statfs } from 'node:fs/promises';
import { mustRun } from './command.ts';

/** Where it is mounted by convention (systemd does so; containers often do not). */
export const bpffsPath = '/sys/fs/bpf';

/** BPF_FS_MAGIC of linux/magic.h. */
const bpfFsMagic = 0xcafe4a11;

/** Mounts bpffs at /sys/fs/bpf unless it is; it stays mounted. Throws a LabError when mount(8) fails. */
export async function ensureBpffs(): Promise<void> {
  await mkdir(bpffsPath, { recursive: true });
  const { type } = await statfs(bpffsPath);
  if (type === bpfFsMagic) return;
  await mustRun(['mount', '-t', 'bpf', 'bpf', bpffsPath]);
}

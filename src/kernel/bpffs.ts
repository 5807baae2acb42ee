/** The BPF file system, where pins live: found, or mounted as systemd would (bpf(2), "BPF file system"). */
import { mkdirSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import koffi from 'koffi';
import { KernelError } from './errors.ts';
import { once } from './once.ts';

/** Where it is mounted by convention; systemd does so, containers often do not. */
export const BPFFS = '/sys/fs/bpf';
/** BPF_FS_MAGIC (linux/magic.h). */
const BPF_FS_MAGIC = 0xcafe4a11;
/** MS_NOSUID | MS_NODEV | MS_NOEXEC (sys/mount.h). */
const MOUNT_FLAGS = 2 | 4 | 8;

const mount = once(() =>
  koffi
    .load('libc.so.6')
    .func(
      'int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)',
    ),
);

const isBpffs = (path: string): boolean => statfsSync(path).type === BPF_FS_MAGIC;

/** Mounts it at its place unless it is there; it stays mounted. Throws a KernelError when refused (CAP_SYS_ADMIN). */
export function mountBpffs(): void {
  mkdirSync(BPFFS, { recursive: true });
  if (isBpffs(BPFFS)) return;
  if (mount()('bpf', BPFFS, 'bpf', MOUNT_FLAGS, 'mode=0700') !== 0)
    throw new KernelError(
      `mount a BPF file system at ${BPFFS}`,
      koffi.errno(),
      `mount it yourself: mount -t bpf bpf ${BPFFS}`,
    );
}

/**
 * Makes sure that `directory` exists on a BPF file system, mounting one at /sys/fs/bpf if that is where it belongs
 * and none is there. Throws a KernelError when the mount is refused (it takes CAP_SYS_ADMIN), or an Error when
 * `directory` lies elsewhere.
 */
export function ensureOnBpffs(directory: string): void {
  if (directory.startsWith(`${BPFFS}/`)) mountBpffs();
  let existing = dirname(directory);
  while (!exists(existing)) existing = dirname(existing);
  if (!isBpffs(existing))
    throw new Error(
      `${directory} is not on a BPF file system: pins can live only there, such as under ${BPFFS}`,
    );
  mkdirSync(directory, { recursive: true, mode: 0o700 });
}

function exists(path: string): boolean {
  try {
    statfsSync(path);
    return true;
  } catch {
    return false;
  }
}

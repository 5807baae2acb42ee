/** What the eBPF plane needs of its kernel, checked before anything is loaded. */
import { endianness, release } from 'node:os';

/** What is known of a machine. */
export interface Machine {
  /** `uname -r`. */
  readonly release: string;
  readonly platform: string;
  readonly endianness: 'BE' | 'LE';
  readonly uid: number;
}

/**
 * Later than 6.1, which lets no program of BPF_PROG_TYPE_SYSCALL use a stack (the sweep frees slots): tried with Debian's.
 * 6.12 and 6.18 load all; what lies between was not tried. TCX links, from 6.6 on, have a substitute.
 */
export const MINIMUM_KERNEL = [6, 2] as const;

/** The machine that this runs on. */
export function thisMachine(): Machine {
  return {
    release: release(),
    platform: process.platform,
    endianness: endianness(),
    uid: process.geteuid?.() ?? 0,
  };
}

/** What the machine lacks, a sentence each; empty if the plane can be tried. */
export function missingRequirements(machine: Machine): string[] {
  if (machine.platform !== 'linux')
    return [`Weir directs packets in the Linux kernel; this is ${machine.platform}.`];
  const missing: string[] = [];
  const [major = 0, minor = 0] = machine.release.split('.').map((part) => Number.parseInt(part, 10));
  if (major < MINIMUM_KERNEL[0] || (major === MINIMUM_KERNEL[0] && minor < MINIMUM_KERNEL[1]))
    missing.push(
      `the eBPF plane needs Linux ${MINIMUM_KERNEL.join('.')} or newer (6.12 and newer are tried), for stacks in syscall programs; this is ${machine.release}. ` +
        'Boot a newer kernel (on Debian 12: apt-get install -t bookworm-backports linux-image-amd64).',
    );
  if (machine.endianness !== 'LE')
    missing.push('the eBPF plane is built for little-endian machines; this one is big-endian.');
  return missing;
}

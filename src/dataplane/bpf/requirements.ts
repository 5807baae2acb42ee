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

/** bpf_loop came with 5.17; everything else that the programs need is older. TCX links, from 6.6 on, have a substitute. */
export const MINIMUM_KERNEL = [5, 17] as const;

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
      `the eBPF plane needs Linux ${MINIMUM_KERNEL.join('.')} or newer, for bpf_loop; this is ${machine.release}. ` +
        'Boot a newer kernel (on Debian 12: apt-get install -t bookworm-backports linux-image-amd64).',
    );
  if (machine.endianness !== 'LE')
    missing.push('the eBPF plane is built for little-endian machines; this one is big-endian.');
  return missing;
}

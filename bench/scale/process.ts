/** What the kernel says of a process: processor time and resident memory (proc(5)). */
import { readFileSync, writeFileSync } from 'node:fs';

/** Clock ticks a second in /proc (USER_HZ), the same on all architectures that Weir runs on. */
const TICKS = 100;

/** Processor time that a process has used so far, user and system, in seconds. */
export function cpuSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The command's name, in brackets, may have spaces; the fields after it are numbered from 3.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[14 - 3]) + Number(fields[15 - 3])) / TICKS;
}

/** Resident memory now, and at its most since `forgetPeak`, in MiB. */
export function residentMiB(pid: number): { readonly now: number; readonly peak: number } {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mebibytes = (name: string) => {
    const kibibytes = new RegExp(`^${name}:\\s*(\\d+) kB`, 'm').exec(text)?.[1];
    return Math.round(Number(kibibytes) / 1024);
  };
  return { now: mebibytes('VmRSS'), peak: mebibytes('VmHWM') };
}

/** Sets the peak back to what is resident now. */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/** Waits until no program that runs now can still hold what has been unpublished: membarrier(2). */
import koffi from 'koffi';
import { once } from './once.ts';

const SYS_MEMBARRIER: Readonly<Record<string, number>> = { x64: 324, arm64: 283 };
const MEMBARRIER_CMD_GLOBAL = 1;

const syscall = once(() =>
  koffi.load('libc.so.6').func('long syscall(long number, long command, long flags, long cpu)'),
);

/**
 * An RCU grace period (the kernel's MEMBARRIER_CMD_GLOBAL is synchronize_rcu), some 5–50 ms; eBPF programs run inside
 * RCU read sections. False where the kernel has none to offer: then only the passing of time can help.
 */
export function waitForReaders(): boolean {
  const number = SYS_MEMBARRIER[process.arch];
  return number !== undefined && Number(syscall()(number, MEMBARRIER_CMD_GLOBAL, 0, 0)) === 0;
}

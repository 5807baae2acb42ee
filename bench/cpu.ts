/** The time all processors have been busy, from /proc/stat (proc(5)). */
import { readdirSync, readFileSync } from 'node:fs';
import { processesIn } from '../src/lab/remove.ts';

/** Busy and stolen time since boot, in clock ticks of 10 ms, summed over the processors. */
export interface CpuTime {
  /** user + nice + system + irq + softirq. */
  readonly busy: number;
  /** Time the hypervisor gave to others; not part of `busy`. */
  readonly stolen: number;
  /** Everything, idle time included. */
  readonly total: number;
}

/** The time the lab's work took, and what went on beside it. */
export interface LabTime extends CpuTime {
  /** Of user processes outside the lab's namespaces, this program left out; not part of `busy`. */
  readonly others: number;
}

/** Reads the first line of /proc/stat. `guest` and `guest_nice` are already in `user` and `nice`. */
export function parseCpuTime(stat: string): CpuTime {
  const [user, nice, system, idle, iowait, irq, softirq, steal] = stat
    .split('\n')[0]!
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number) as [number, number, number, number, number, number, number, number];
  const busy = user + nice + system + irq + softirq;
  return { busy, stolen: steal, total: busy + idle + iowait + steal };
}

/** PF_KTHREAD of linux/sched.h. */
const kernelThread = 0x0020_0000;

/**
 * Clock ticks a process has used, with those of its children that have ended; 0 for a kernel thread, since those work
 * for the lab too (ksoftirqd). Reads the text of /proc/PID/stat.
 */
export function parseProcessTime(stat: string): number {
  // What follows the command, which may hold spaces and parentheses, starts with field 3.
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const field = (number: number): number => fields[number - 3] ?? 0;
  if ((field(9) & kernelThread) !== 0) return 0;
  return field(14) + field(15) + field(16) + field(17);
}

function timeOfOthers(namespaces: readonly string[]): number {
  // The load generators are children of this program, so their time becomes its own when they end.
  const inside = new Set([...processesIn(namespaces), process.pid]);
  let sum = 0;
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry) || inside.has(Number(entry))) continue;
    try {
      sum += parseProcessTime(readFileSync(`/proc/${entry}/stat`, 'utf8'));
    } catch {
      // It has just ended; its parent has its time.
    }
  }
  return sum;
}

/** The time now; what runs in the named namespaces is the lab. */
export function labTime(namespaces: readonly string[]): LabTime {
  return { ...parseCpuTime(readFileSync('/proc/stat', 'utf8')), others: timeOfOthers(namespaces) };
}

/** What passed between two readings; the time of others is taken out of the busy time. */
export function passed(before: LabTime, after: LabTime): LabTime {
  const others = Math.max(0, after.others - before.others);
  return {
    busy: Math.max(0, after.busy - before.busy - others),
    stolen: after.stolen - before.stolen,
    total: after.total - before.total,
    others,
  };
}

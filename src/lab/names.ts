/** Names of labs: who made one can be read from its name, so that what a dead program left behind can be found. */
import { readFileSync } from 'node:fs';

/** What a lab's name says. */
export interface LabName {
  /** Keeps labs of different uses apart: `weir` and perhaps more lower-case letters. */
  readonly prefix: string;
  /** The process that made the lab. */
  readonly pid: number;
  /** When that process started, in clock ticks since boot: a pid alone is used again one day. */
  readonly startTicks: number;
  /** 1, 2, 3 … within one process. */
  readonly counter: number;
}

const pattern = /^(weir[a-z]*)-(\d+)-([0-9a-z]+)-(\d+)(?:-([a-z]+\d*))?$/;

/** Writes a name, such as `weir-4711-2s9k-1`. */
export function formatLabName(name: LabName): string {
  return `${name.prefix}-${name.pid}-${name.startTicks.toString(36)}-${name.counter}`;
}

/** Reads the name of a lab or of one of its namespaces (`weir-4711-2s9k-1-director`); undefined if it is neither. */
export function parseLabName(text: string): LabName | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [, prefix, pid, ticks, counter] = match;
  return {
    prefix: prefix!,
    pid: Number(pid),
    startTicks: Number.parseInt(ticks!, 36),
    counter: Number(counter),
  };
}

/** The name of a host's network namespace under /run/netns. */
export function netnsName(lab: string, host: string): string {
  return `${lab}-${host}`;
}

/** Field 22 of /proc/PID/stat (proc(5)): start time in clock ticks since boot; undefined when there is no such process. */
export function startTicksOf(pid: number): number | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The second field is the command in parentheses and may hold spaces; what follows the last ')' starts at field 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const zombie = fields[0] === 'Z' || fields[0] === 'X';
  return zombie ? undefined : Number(fields[22 - 3]);
}

/** True while the process that made the lab lives. */
export function makerLives(name: LabName, startTicks: typeof startTicksOf = startTicksOf): boolean {
  return startTicks(name.pid) === name.startTicks;
}

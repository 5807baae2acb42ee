/** How much of its weight a server takes, by what its kernel says in /proc (proc(5)) or a program of its own. */

/** One figure and what it comes from. */
export interface Reading {
  /** 0 – 100, a whole number. */
  readonly percent: number;
  /** A few words for people. */
  readonly reason: string;
}

/** Where figures come from. */
export const SOURCES = ['load', 'memory', 'queue', 'command'] as const;
export type Source = (typeof SOURCES)[number];

/** As long as this part of the memory is available, memory asks for all of the weight. */
const ENOUGH_MEMORY = 0.2;

const percentOf = (part: number): number => Math.round(100 * Math.min(1, Math.max(0, part)));

/** How many CPUs /proc/stat lists, 1 at least; it has one line for each that is online. */
export const cpusOf = (stat: string): number => Math.max(1, stat.match(/^cpu\d+ /gm)?.length ?? 0);

const plural = (cpus: number): string => `${cpus} CPU${cpus === 1 ? '' : 's'}`;

/** By the load average of a minute in /proc/loadavg: nothing of it is all of the weight, as much as CPUs is nothing. Undefined for other text. */
export function loadReading(loadavg: string, stat: string): Reading | undefined {
  const load = /^(\d+(?:\.\d+)?) /.exec(loadavg)?.[1];
  if (load === undefined) return undefined;
  const cpus = cpusOf(stat);
  return { percent: percentOf(1 - Number(load) / cpus), reason: `load ${load} on ${plural(cpus)}` };
}

/** By MemAvailable in /proc/meminfo: all while a fifth of the memory is available, and in proportion below. Undefined for other text. */
export function memoryReading(meminfo: string): Reading | undefined {
  const field = (name: string) => new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(meminfo)?.[1];
  const [total, available] = [Number(field('MemTotal')), Number(field('MemAvailable'))];
  // NaN for what is not there.
  if (!(total > 0) || !(available >= 0)) return undefined;
  const part = available / total;
  const reason = `${percentOf(part)}% of the memory available`;
  return { percent: percentOf(part / ENOUGH_MEMORY), reason };
}

/**
 * By the run queue: the part of the last ten seconds in which nobody waited for a CPU, of /proc/pressure/cpu; or, for a kernel without it, by the
 * processes that run or could, of /proc/stat, this one not counted. Undefined for other text.
 */
export function queueReading(pressure: string | undefined, stat: string): Reading | undefined {
  const waited = /^some avg10=(\d+(?:\.\d+)?) /m.exec(pressure ?? '')?.[1];
  if (waited !== undefined)
    return {
      percent: percentOf(1 - Number(waited) / 100),
      reason: `${waited}% of the time somebody waits for a CPU`,
    };
  const running = /^procs_running (\d+)$/m.exec(stat)?.[1];
  if (running === undefined) return undefined;
  const cpus = cpusOf(stat);
  const others = Math.max(0, Number(running) - 1);
  return { percent: percentOf(1 - others / cpus), reason: `${others} in the run queue of ${plural(cpus)}` };
}

/** By the first line that a program prints: a number from 0 on, with or without a percent sign; more than 100 is 100. Undefined for other text. */
export function commandReading(printed: string): Reading | undefined {
  const figure = /^\s*(\d{1,9}(?:\.\d+)?)\s*%?\s*(?:\n|$)/.exec(printed)?.[1];
  if (figure === undefined) return undefined;
  return { percent: percentOf(Number(figure) / 100), reason: `its command says ${figure}%` };
}

/** The least of several, but not less than `floor` percent; undefined for none. Of two alike the first. */
export function leastReading(readings: readonly Reading[], floor: number): Reading | undefined {
  let least: Reading | undefined;
  for (const one of readings) if (least === undefined || one.percent < least.percent) least = one;
  return least && { ...least, percent: Math.max(floor, least.percent) };
}

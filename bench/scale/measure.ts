/** What is measured of a daemon with very many services, each measure a function. */
import { setTimeout as pause } from 'node:timers/promises';
import type { ControlClient } from '../../src/api/client.ts';
import type { LabProcess } from '../../src/lab/process.ts';
import type { LabWeir } from '../../src/lab/weir.ts';
import { type Size, scaleConfig } from './config.ts';
import { cpuSeconds, forgetPeak, residentMiB } from './process.ts';

/** Longer than any of it takes, in milliseconds. */
const PATIENCE = 120_000;

/** From `weir run` to all services published. */
export interface Load {
  /** On the clock, and of the processor, in seconds: the start of the program included. */
  readonly seconds: number;
  readonly cpu_seconds: number;
  /** What the daemon itself says, in milliseconds. */
  readonly read_ms: number;
  readonly plan_ms: number;
  readonly steps_ms: number;
  readonly resident_mib: number;
}

/** One changed service, from the reading of the file on. */
export interface Change {
  readonly read_ms: number;
  /** All of what comes after reading: comparing, and publishing the one service. */
  readonly apply_ms: number;
  readonly plan_ms: number;
  readonly steps_ms: number;
  /** Of the processor over the whole reload, in seconds. */
  readonly cpu_seconds: number;
}

/** A while in which nobody asks for anything but one short answer after the other. */
export interface Gaps {
  readonly seconds: number;
  readonly answers: number;
  /** How long an answer took, in milliseconds: the longest is the longest piece that the loop was busy in. */
  readonly median_ms: number;
  readonly p99_ms: number;
  readonly longest_ms: number;
  /** Of the processor in relation to the time, the answers included. */
  readonly cpu_share: number;
}

const fieldsOf = (line: string) => JSON.parse(line) as Record<string, number>;

/** Starts the daemon on a configuration of this size. */
export async function measureLoad(weir: LabWeir, size: Size): Promise<{ daemon: LabProcess; load: Load }> {
  await weir.writeConfig(scaleConfig(size));
  const begin = performance.now();
  const daemon = await weir.spawn();
  const line = await daemon.waitForLine((text) => text.includes('"event":"ready"'), PATIENCE);
  const seconds = (performance.now() - begin) / 1000;
  const { read_ms = 0, plan_ms = 0, steps_ms = 0 } = fieldsOf(line);
  const cpu_seconds = cpuSeconds(daemon.pid);
  const resident_mib = residentMiB(daemon.pid).now;
  return { daemon, load: { seconds, cpu_seconds, read_ms, plan_ms, steps_ms, resident_mib } };
}

/** Changes one service after the other in the file, each with a reload of its own. */
export async function measureChanges(
  weir: LabWeir,
  daemon: LabProcess,
  size: Size,
  count: number,
): Promise<readonly Change[]> {
  const heavy = new Set<number>();
  const changes: Change[] = [];
  for (let number = 0; number < count; number++) {
    heavy.add((number * 499) % size.services);
    await weir.writeConfig(scaleConfig(size, heavy));
    const before = cpuSeconds(daemon.pid);
    const line = await nextLine(daemon, '"event":"reloaded"', () => daemon.signal('SIGHUP'));
    const { steps, read_ms = 0, apply_ms = 0, plan_ms = 0, steps_ms = 0 } = fieldsOf(line);
    if (steps !== 1) throw new Error(`one service was changed, and the daemon took ${steps} steps`);
    changes.push({ read_ms, apply_ms, plan_ms, steps_ms, cpu_seconds: cpuSeconds(daemon.pid) - before });
  }
  return changes;
}

/** The next line with this text in it that comes after `act`. */
function nextLine(daemon: LabProcess, text: string, act: () => void): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      forget();
      reject(new Error(`no ${text} within ${PATIENCE} ms; ${daemon.title} said:\n${daemon.output()}`));
    }, PATIENCE);
    const forget = daemon.onLine((line) => {
      if (!line.includes(text)) return;
      clearTimeout(timer);
      forget();
      resolve(line);
    });
    act();
  });
}

/** Asks for one short answer after the other while looks and sweeps go on. */
export async function measureGaps(client: ControlClient, pid: number, seconds: number): Promise<Gaps> {
  const waits: number[] = [];
  const before = cpuSeconds(pid);
  const begin = performance.now();
  while (performance.now() - begin < seconds * 1000) {
    const asked = performance.now();
    await client.status();
    waits.push(performance.now() - asked);
    await pause(2);
  }
  const passed = (performance.now() - begin) / 1000;
  waits.sort((a, b) => a - b);
  const at = (share: number) => waits[Math.floor(share * (waits.length - 1))] ?? Number.NaN;
  return {
    seconds: passed,
    answers: waits.length,
    median_ms: at(0.5),
    p99_ms: at(0.99),
    longest_ms: at(1),
    cpu_share: (cpuSeconds(pid) - before) / passed,
  };
}

/** Listing connections through the API. */
export interface Listing {
  readonly listed: number;
  readonly seconds: number;
  readonly cpu_seconds: number;
  readonly resident_mib: { readonly before: number; readonly peak: number; readonly after: number };
}

/** Lists all connections that pass the filter, and looks at the daemon's memory meanwhile. */
export async function measureListing(
  client: ControlClient,
  pid: number,
  filter: { readonly client?: string } = {},
): Promise<Listing> {
  forgetPeak(pid);
  const before = residentMiB(pid).now;
  const cpu = cpuSeconds(pid);
  const begin = performance.now();
  let listed = 0;
  for await (const chunk of client.connections({ filter })) listed += chunk.length;
  const { now, peak } = residentMiB(pid);
  return {
    listed,
    seconds: (performance.now() - begin) / 1000,
    cpu_seconds: cpuSeconds(pid) - cpu,
    resident_mib: { before, peak, after: now },
  };
}

/** Takes the figures that the answer is made of: out of /proc, and of a program. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  commandReading,
  loadReading,
  memoryReading,
  queueReading,
  type Reading,
  type Source,
} from '../core/agent/readings.ts';
import { runCommand } from './command.ts';

/** What is to be measured. */
export interface MeasureOptions {
  readonly sources: readonly Source[];
  /** Where the kernel's files are: /proc. */
  readonly proc: string;
  /** The program and its arguments, for the source `command`. */
  readonly command: readonly string[];
  /** How long it may take, in milliseconds. */
  readonly timeoutMs: number;
}

/** One figure, or why there is none. */
export type Measured = { readonly source: Source } & (
  | { readonly reading: Reading }
  | { readonly trouble: string }
);

/** All figures that are asked for, in that order; never rejects. */
export function measure(options: MeasureOptions): Promise<readonly Measured[]> {
  return Promise.all(options.sources.map((source) => one(source, options)));
}

async function one(source: Source, options: MeasureOptions): Promise<Measured> {
  try {
    const reading = await TAKERS[source](options);
    return reading === undefined
      ? { source, trouble: `what it says is not understood` }
      : { source, reading };
  } catch (error) {
    return { source, trouble: (error as Error).message };
  }
}

type Take = (options: MeasureOptions) => Promise<Reading | undefined>;

const file = ({ proc }: MeasureOptions, name: string) => readFile(join(proc, name), 'utf8');

const TAKERS: { readonly [S in Source]: Take } = {
  load: async (from) => loadReading(await file(from, 'loadavg'), await file(from, 'stat')),
  memory: async (from) => memoryReading(await file(from, 'meminfo')),
  queue: async (from) =>
    // Absent in kernels before 4.20, and unreadable where it is switched off (psi=0).
    queueReading(await file(from, 'pressure/cpu').catch(() => undefined), await file(from, 'stat')),
  command: async ({ command, timeoutMs }) => commandReading(await runCommand(command, timeoutMs)),
};

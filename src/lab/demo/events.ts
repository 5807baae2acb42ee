/** What `weir run` wrote in its log, as far as the demo shows it. */
import type { LabProcess } from '../process.ts';

/** A line of the log; the fields of the events that the demo looks at. */
export interface LogLine {
  readonly event: string;
  readonly plane?: string;
  readonly change?: readonly string[];
  readonly steps?: number;
  /** ISO 8601, UTC. */
  readonly time?: string;
  readonly server?: string;
  readonly reason?: string;
}

/** All lines so far. */
export function logOf(daemon: LabProcess): LogLine[] {
  return daemon
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as LogLine);
}

/** How the data plane described itself when the daemon started. */
export function planeOf(daemon: LabProcess): string {
  return logOf(daemon).find(({ event }) => event === 'plane_opened')?.plane ?? 'no word of the data plane';
}

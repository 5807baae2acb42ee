/** What very many health checks cost: a thread on one processor asks one machine that answers for as many addresses. */
import { withLab } from '../../src/lab/lab.ts';
import { startNginx } from '../load/http.ts';

/** The checks of one measurement. */
export interface CheckLoad {
  readonly type: 'tcp' | 'http';
  readonly count: number;
  readonly intervalMs: number;
}

/** What is measured. */
export const CHECK_LOADS: readonly CheckLoad[] = [
  { type: 'tcp', count: 30_000, intervalMs: 5_000 },
  { type: 'http', count: 10_000, intervalMs: 5_000 },
];

/** What one measurement came to. */
export interface Measured {
  readonly checks: number;
  readonly made_per_second: number;
  /** Of one processor, by the process that checks: 0 – 1. */
  readonly processor_share: number;
  /** By how much checks began after their time, in milliseconds: medians of samples of 1,024, and the worst sample. */
  readonly late_p50_ms: number;
  readonly late_p99_ms: number;
  readonly late_p99_worst_ms: number;
  /** Checks that said nothing because this machine was late itself. */
  readonly void: number;
  /** Verdicts that changed, and targets that were not up in the end: all are well, so there should be none. */
  readonly changed: number;
  readonly not_up: number;
}

/** Results by the kind of check. */
export type CheckMeasures = Readonly<Record<CheckLoad['type'], Measured>>;

const SECONDS = 15;
/** Seconds it takes, about. */
export const checksSeconds = CHECK_LOADS.reduce(
  (sum, each) => sum + SECONDS + 4 + (2 * each.intervalMs) / 1_000,
  4,
);

const NETWORK = '10.99';

/** The address of a target, 0 – 65,023. */
export function targetAddress(index: number): string {
  return `${NETWORK}.${Math.floor(index / 254)}.${(index % 254) + 1}`;
}

/** Measures in a lab of its own; throws a LabError when a step fails. */
export async function measureChecks(): Promise<CheckMeasures> {
  return await withLab({ prefix: 'weirchecks', servers: 1 }, async (lab) => {
    const server = lab.servers[0]!;
    await startNginx(lab, server);
    await lab.run(server, ['ip', 'route', 'add', 'local', `${NETWORK}.0.0/16`, 'dev', 'lo']);
    await lab.run(lab.director, ['ip', 'route', 'add', `${NETWORK}.0.0/16`, 'via', server.ipv4]);
    // Closed connections wait for a minute; with as many as this their number would be the measurement.
    await lab.sysctl(lab.director, { 'net.ipv4.tcp_max_tw_buckets': 4096 });
    const results: [string, Measured][] = [];
    for (const { type, count, intervalMs } of CHECK_LOADS) {
      const driver = ['--import', import.meta.resolve('tsx'), 'bench/checks/driver.ts'];
      const task = [type, count, intervalMs, SECONDS].map(String);
      const argv = ['taskset', '-c', '0', process.execPath, ...driver, ...task];
      results.push([type, JSON.parse(await lab.run(lab.director, argv, { timeout: 120_000 })) as Measured]);
    }
    return Object.fromEntries(results) as CheckMeasures;
  });
}

/** The table, a line for each kind. */
export function describeChecks(measures: CheckMeasures): string[] {
  const line = (type: string, one: Measured): string => {
    const lateness = [one.late_p50_ms, one.late_p99_ms, one.late_p99_worst_ms].map((ms) =>
      ms.toFixed(1).padStart(8),
    );
    const share = `${(100 * one.processor_share).toFixed(0)} %`.padStart(9);
    const wrong = `${one.void} void, ${one.changed} changed, ${one.not_up} not up`;
    return `  ${type.padEnd(5)}${String(one.checks).padStart(7)}${String(one.made_per_second).padStart(8)}${share}${lateness.join('')}  ${wrong}`;
  };
  return [
    'health checks at an interval of 5 s, by one thread on one processor; milliseconds late',
    `  ${''.padEnd(5)} checks   a sec  of a CPU     p50     p99  worst p99`,
    ...Object.entries(measures).map(([type, one]) => line(type, one)),
  ];
}

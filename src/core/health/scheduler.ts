/** What the scheduler of the health checks says of itself. */

/** How the scheduler itself keeps its times. */
export interface SchedulerReport {
  /** How many checks there are, and how many attempts are under way. */
  readonly checks: number;
  readonly in_flight: number;
  /** Attempts made, and how many of them said nothing because the director was late or could not ask. */
  readonly made: number;
  readonly void: number;
  /** By how much the latest 1,024 attempts began after their time, in milliseconds. */
  readonly late_p50_ms: number;
  readonly late_p99_ms: number;
}

/** The report of a scheduler with nothing to do. */
export const NO_CHECKS: SchedulerReport = {
  checks: 0,
  in_flight: 0,
  made: 0,
  void: 0,
  late_p50_ms: 0,
  late_p99_ms: 0,
};

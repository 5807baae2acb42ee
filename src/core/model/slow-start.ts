/** How servers that are added, or come back, get their weights. */

/** A weight rises in so many steps unless told otherwise, so that a service is not published anew all the time. */
export const DEFAULT_SLOW_START_STEPS = 20;
export const MAX_SLOW_START_STEPS = 100;

/** The rule of a service. */
export interface SlowStart {
  /** How long it takes, in milliseconds, 1 s – 1 day. */
  readonly duration: number;
  /** In how many steps, alike in time and weight, 1 – 100; the whole weight follows the last one. */
  readonly steps: number;
}

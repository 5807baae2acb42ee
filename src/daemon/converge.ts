/** Carrying a plan out: what should be against what is, step by step, with what could not be done and how long it took. */
import { diff } from '../core/plan/diff.ts';
import { explainStep } from '../core/plan/explain.ts';
import type { DesiredState, ObservedState } from '../core/plan/states.ts';
import type { Plan, Step } from '../core/plan/step.ts';
import type { Log } from '../observe/log.ts';
import { type Edge, execute } from './execute.ts';

/** Some steps of a plan could not be taken; the others were. */
class StepsFailed extends Error {
  override readonly name = 'StepsFailed';
  constructor(steps: number, failures: readonly string[]) {
    super(`${failures.length} of ${steps} steps failed: ${failures.join('; ')}`);
  }
}

/** Where the time of a convergence went, in milliseconds: looking and comparing, and carrying out. */
export interface Took {
  readonly plan_ms: number;
  readonly steps_ms: number;
}

/** Milliseconds from one reading of the clock to another, or until now, to a tenth. */
export const since = (begin: number, end = performance.now()): number => Math.round(10 * (end - begin)) / 10;

/** Told of each step that was taken, with what was there before the plan. */
export type Done = (step: Step, observed: ObservedState) => void;

/** Carries plans out at one edge. */
export class Converger {
  readonly #edge: Edge;
  readonly #log: Log;
  #failed: ReadonlySet<string> = new Set();
  #took: Took = { plan_ms: 0, steps_ms: 0 };

  constructor(edge: Edge, log: Log) {
    this.#edge = edge;
    this.#log = log;
  }

  /** What the last plan could not do, by the first line that explains it. */
  get failed(): ReadonlySet<string> {
    return this.#failed;
  }

  /** Where the time of the last plan went. */
  get took(): Took {
    return this.#took;
  }

  /**
   * Makes what `observe` finds like `desired`; returns the steps it took. A step that fails does not keep the others from
   * being taken, or one wrong name would hold up all services; then it rejects with all that failed.
   */
  async converge(
    desired: DesiredState,
    observe: () => Promise<ObservedState> | ObservedState,
    done: Done = () => {},
  ): Promise<Plan> {
    const begin = performance.now();
    const observed = await observe();
    const plan = diff(observed, desired);
    const planned = performance.now();
    const failures = new Map<string, string>();
    for (const step of plan) {
      try {
        await execute(this.#edge, step);
        this.#log.info(step.kind, { change: explainStep(step) });
        done(step, observed);
      } catch (error) {
        const [what = step.kind] = explainStep(step);
        failures.set(what, `${what}: ${(error as Error).message}`);
      }
    }
    this.#took = { plan_ms: since(begin, planned), steps_ms: since(planned) };
    this.#failed = new Set(failures.keys());
    if (failures.size > 0) throw new StepsFailed(plan.length, [...failures.values()]);
    return plan;
  }
}

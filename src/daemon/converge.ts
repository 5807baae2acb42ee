/** Carrying a plan out: what should be against what is, step by step, with what could not be done and how long it took. */
import { diff } from '../core/plan/diff.ts';
import { explainStep } from '../core/plan/explain.ts';
import { noRefusals } from '../core/plan/held-back.ts';
import type { DesiredState, ObservedState } from '../core/plan/states.ts';
import type { Plan, Step } from '../core/plan/step.ts';
import type { Log } from '../observe/log.ts';
import { type Edge, execute } from './execute.ts';

/** Something that was not done: a step's place in the plan, from 1, the first line that explains it, and why. */
interface Undone {
  readonly place: number;
  readonly what: string;
  readonly why: string;
}

/** So many are named in one message; the log has each of them. */
const NAMED = 5;

const listed = (all: readonly Undone[], text: (one: Undone) => string): string =>
  [
    ...all.slice(0, NAMED).map(text),
    ...(all.length > NAMED ? [`and ${all.length - NAMED} more, which the log has`] : []),
  ].join('; ');

/** Some steps of a plan could not be taken, and what builds on them was not; the others were. */
class StepsFailed extends Error {
  override readonly name = 'StepsFailed';
  constructor(steps: number, failed: readonly Undone[], held: readonly Undone[]) {
    const failures = listed(failed, ({ place, what, why }) => `step ${place}, ${what}: ${why}`);
    const waiting = listed(held, ({ what, why }) => `${what} (${why})`);
    super(
      `${failed.length} of ${steps} steps failed: ${failures}${waiting === '' ? '' : `; held back until then: ${waiting}`}`,
    );
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
  #undone: ReadonlyMap<string, string> = new Map();
  #took: Took = { plan_ms: 0, steps_ms: 0 };

  constructor(edge: Edge, log: Log) {
    this.#edge = edge;
    this.#log = log;
  }

  /** What the last plan could not do, by the first line that explains it, and why. */
  get undone(): ReadonlyMap<string, string> {
    return this.#undone;
  }

  /** Where the time of the last plan went. */
  get took(): Took {
    return this.#took;
  }

  /**
   * Makes what `observe` finds like `desired`; returns the steps it took. A step that is refused keeps what builds on it from being
   * done, and nothing else, or one wrong name would hold up all services; then it rejects, saying which steps and why.
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
    const refusals = noRefusals(desired);
    const [failed, held]: [Undone[], Undone[]] = [[], []];
    for (const [i, step] of plan.entries()) {
      const undone = (list: Undone[], why: string): void => {
        refusals.add(step);
        const [what = step.kind] = explainStep(step);
        list.push({ place: i + 1, what, why });
      };
      const holding = refusals.holding(step);
      if (holding !== undefined) {
        undone(held, holding);
        continue;
      }
      try {
        await execute(this.#edge, step);
        this.#log.info(step.kind, { change: explainStep(step) });
        done(step, observed);
      } catch (error) {
        undone(failed, (error as Error).message);
      }
    }
    this.#took = { plan_ms: since(begin, planned), steps_ms: since(planned) };
    this.#tell(plan.length, failed, held);
    if (failed.length > 0) throw new StepsFailed(plan.length, failed, held);
    return plan;
  }

  /** Each step that was not taken once, not with every look that finds it so again. */
  #tell(of: number, failed: readonly Undone[], held: readonly Undone[]): void {
    const before = this.#undone;
    this.#undone = new Map([...failed, ...held].map(({ what, why }) => [what, why]));
    const news = (list: readonly Undone[]) => list.filter(({ what, why }) => before.get(what) !== why);
    for (const { place: step, what: change, why: reason } of news(failed))
      this.#log.error('step_refused', { step, of, change, reason });
    for (const { place: step, what: change, why: reason } of news(held))
      this.#log.warn('step_held_back', { step, of, change, reason });
  }
}

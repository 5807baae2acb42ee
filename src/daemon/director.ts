/**
 * The director: one loop that reads events, compares what should be with what is, and carries out the difference.
 * Events are only hints; looking again every few seconds is what keeps the two together.
 */
import { readFile } from 'node:fs/promises';
import type { ConfigText, DiffDone, LastReload, Refused, ReloadDone } from '../api/control.ts';
import { parseConfig } from '../config/parse.ts';
import { formatProblem } from '../config/problems.ts';
import type { Config, Limits } from '../core/model/config.ts';
import { compose } from '../core/plan/compose.ts';
import { diff } from '../core/plan/diff.ts';
import { explainPlan, explainStep } from '../core/plan/explain.ts';
import type { DesiredState, ObservedState } from '../core/plan/states.ts';
import type { Plan } from '../core/plan/step.ts';
import type { Log } from '../observe/log.ts';
import { type Edge, execute } from './execute.ts';
import type { EventQueue } from './queue.ts';

/** Reads and checks a configuration file; a file that cannot be read is a problem like any other. */
export async function readConfig(file: string): Promise<{ ok: true; config: Config } | Refused> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    return { ok: false, problems: [`${file} cannot be read: ${(error as Error).message}`] };
  }
  return checkConfig({ text, file });
}

function checkConfig({ text, file }: ConfigText): { ok: true; config: Config } | Refused {
  const parsed = parseConfig(text, file);
  return parsed.ok ? parsed : { ok: false, problems: parsed.problems.map(formatProblem) };
}

/** Some steps of a plan could not be taken; the others were. */
class StepsFailed extends Error {
  override readonly name = 'StepsFailed';
  constructor(steps: number, failures: readonly string[]) {
    super(`${failures.length} of ${steps} steps failed: ${failures.join('; ')}`);
  }
}

/** The loop's state: what should be, and how the last reading of the file went. */
export class Director {
  readonly #edge: Edge;
  readonly #file: string;
  readonly #log: Log;
  readonly #limits: Limits;
  #desired: DesiredState;
  #complaint: string | undefined;
  lastReload: LastReload;

  /** `config` is what `file` said when the daemon started. */
  constructor(edge: Edge, file: string, config: Config, log: Log) {
    this.#edge = edge;
    this.#file = file;
    this.#log = log;
    this.#limits = config.limits;
    this.#desired = compose(config);
    this.lastReload = { ok: true, at: new Date().toISOString(), message: 'read at start' };
  }

  /** Reads events until `stop` or `down` comes; resolves with the kind that ended it. */
  async run(queue: EventQueue): Promise<'stop' | 'down'> {
    for await (const event of queue) {
      switch (event.kind) {
        case 'look':
          await this.#look();
          break;
        case 'reload':
          await this.reload().then(event.answer.resolve, event.answer.reject);
          break;
        case 'diff':
          await this.#difference(event.config).then(event.answer.resolve, event.answer.reject);
          break;
        case 'down':
          try {
            event.answer.resolve(await this.#takeDown());
            return 'down';
          } catch (error) {
            event.answer.reject(error);
          }
          break;
        case 'stop':
          return 'stop';
      }
    }
    return 'stop';
  }

  /**
   * Makes what is like what should be; returns the steps it took. A step that fails does not keep the others from
   * being taken, or one wrong name would hold up all services; then it rejects with all that failed.
   */
  async converge(): Promise<Plan> {
    const plan = diff(await this.#observe(this.#desired), this.#desired);
    const failures: string[] = [];
    for (const step of plan) {
      try {
        await execute(this.#edge, step);
        this.#log.info(step.kind, { change: explainStep(step) });
      } catch (error) {
        failures.push(`${explainStep(step)[0]}: ${(error as Error).message}`);
      }
    }
    if (failures.length > 0) throw new StepsFailed(plan.length, failures);
    return plan;
  }

  /** Reads the file again; one with mistakes changes nothing. */
  async reload(): Promise<ReloadDone | Refused> {
    const read = await readConfig(this.#file);
    if (!read.ok) {
      this.#note(false, `refused: ${read.problems.length} problem${read.problems.length === 1 ? '' : 's'}`);
      this.#log.error('reload_refused', { config_file: this.#file, problems: read.problems });
      return read;
    }
    this.#desired = compose(read.config, this.#desired);
    try {
      const plan = await this.converge();
      this.#complaint = undefined;
      this.#note(true, `${plan.length} step${plan.length === 1 ? '' : 's'}`);
      this.#log.info('reloaded', { config_file: this.#file, steps: plan.length });
      return {
        ok: true,
        steps: plan.length,
        lines: [...explainPlan(plan), ...this.#limitLines(read.config)],
      };
    } catch (error) {
      this.#note(false, (error as Error).message);
      this.#log.error('reload_failed', { config_file: this.#file, error });
      throw error;
    }
  }

  /** Looks whether all is as it should be, and puts right what is not: somebody may have changed it by hand. */
  async #look(): Promise<void> {
    try {
      const repaired = await this.converge();
      if (repaired.length > 0) this.#log.warn('drift_repaired', { steps: repaired.length });
      if (this.#complaint !== undefined) this.#log.info('converged', { after: this.#complaint });
      this.#complaint = undefined;
    } catch (error) {
      // Said once, then again only when it says something else: the look comes back every few seconds.
      const { message } = error as Error;
      if (message !== this.#complaint) this.#log.error('step_failed', { error });
      this.#complaint = message;
    }
  }

  async #difference(given: ConfigText | undefined): Promise<DiffDone | Refused> {
    const read = given === undefined ? await readConfig(this.#file) : checkConfig(given);
    if (!read.ok) return read;
    const desired = compose(read.config, this.#desired);
    const steps = diff(await this.#observe(desired), desired);
    return { ok: true, steps, lines: [...explainPlan(steps), ...this.#limitLines(read.config)] };
  }

  /** Tables are made once: says so where a file asks for others. */
  #limitLines({ limits }: Config): string[] {
    return (Object.keys(limits) as (keyof Limits)[])
      .filter((name) => limits[name] !== this.#limits[name])
      .map(
        (name) => `limits.${name}: ${this.#limits[name]} → ${limits[name]} only after weir down and weir run`,
      );
  }

  async #observe(desired: DesiredState): Promise<ObservedState> {
    return { ...this.#edge.plane.observe(), ...(await this.#edge.host.observe(desired)) };
  }

  async #takeDown(): Promise<readonly string[]> {
    const lines = await this.#edge.host.restore();
    this.#edge.plane.destroy();
    this.#log.info('taken_down', { restored: lines });
    return [...lines, 'data plane: removed'];
  }

  #note(ok: boolean, message: string): void {
    this.lastReload = { ok, at: new Date().toISOString(), message };
  }
}

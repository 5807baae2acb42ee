/**
 * The director: one loop that reads events, compares what should be with what is, and carries out the difference.
 * Events are only hints; looking again every few seconds is what keeps the two together.
 */
import {
  type AdminRequest,
  type ApplyDone,
  type ApplyHow,
  type ConfigInForce,
  type ConfigText,
  type DiffDone,
  type LastReload,
  type Readiness,
  type Refused,
  type ReloadDone,
  VersionConflict,
} from '../api/control.ts';
import { explainChecks } from '../core/health/explain.ts';
import type { Watch } from '../core/health/servers.ts';
import type { Config, Limits } from '../core/model/config.ts';
import { type AdminChange, listOverrides, overrideText } from '../core/model/override.ts';
import { compose } from '../core/plan/compose.ts';
import { diff } from '../core/plan/diff.ts';
import { driftOf } from '../core/plan/drift.ts';
import { explainPlan, explainStep } from '../core/plan/explain.ts';
import type { DesiredState, ObservedState } from '../core/plan/states.ts';
import type { Plan, Step } from '../core/plan/step.ts';
import type { Log } from '../observe/log.ts';
import { leftOn } from './drains.ts';
import { type Edge, execute } from './execute.ts';
import type { Health } from './health.ts';
import type { EventQueue } from './queue.ts';
import { checkConfig, type ReadConfig, readConfig, writeConfig } from './read-config.ts';
import type { Supervisor } from './supervisor.ts';

/** Some steps of a plan could not be taken; the others were. */
class StepsFailed extends Error {
  override readonly name = 'StepsFailed';
  constructor(steps: number, failures: readonly string[]) {
    super(`${failures.length} of ${steps} steps failed: ${failures.join('; ')}`);
  }
}

/** Where the time of a convergence went, in milliseconds: looking and comparing, and carrying out. */
interface Took {
  readonly plan_ms: number;
  readonly steps_ms: number;
}

/** Milliseconds from one reading of the clock to another, or until now, to a tenth. */
const since = (begin: number, end = performance.now()): number => Math.round(10 * (end - begin)) / 10;

/** What a director is made of. */
export interface DirectorParts {
  readonly edge: Edge;
  /** What its configuration file said when the daemon started. */
  readonly read: ReadConfig;
  readonly health: Pick<
    Health,
    'watch' | 'watchAtStart' | 'watchUnder' | 'adopt' | 'weigh' | 'overrides' | 'override' | 'endDrains'
  >;
  readonly log: Log;
  readonly supervisor: Pick<Supervisor, 'reloading' | 'ready' | 'pulse'>;
}

/** The loop's state: what should be, and how the last reading of the file went. */
export class Director {
  readonly #edge: Edge;
  readonly #file: string;
  readonly #health: DirectorParts['health'];
  readonly #log: Log;
  readonly #supervisor: DirectorParts['supervisor'];
  readonly #limits: Limits;
  readonly #attach: Config['attach'];
  #config: Config;
  #desired: DesiredState;
  /** The text in force with its version, and the version of the one that the file had when it was last read or written. */
  #text: string;
  #version: string;
  #fileVersion: string;
  #retireAfterMs: number;
  /** What the last plan could not do, by the first line that explains it. */
  #failed: ReadonlySet<string> = new Set();
  #complaint: string | undefined;
  #took: Took = { plan_ms: 0, steps_ms: 0 };
  lastReload: LastReload;

  constructor({ edge, read, health, log, supervisor }: DirectorParts) {
    this.#edge = edge;
    this.#file = read.file;
    this.#health = health;
    this.#log = log;
    this.#supervisor = supervisor;
    this.#limits = read.config.limits;
    this.#attach = read.config.attach;
    this.#config = read.config;
    // Who was up stays up until its checks say otherwise: a new start of the daemon takes nobody out.
    health.adopt(read.config, health.watchAtStart(read.config, edge.plane.observe().services));
    this.#desired = compose(read.config, undefined, health.weigh(read.config));
    this.#retireAfterMs = read.config.retireAfterMs;
    this.#text = read.text;
    this.#version = read.version;
    this.#fileVersion = read.version;
    this.lastReload = { ok: true, at: new Date().toISOString(), message: 'read at start' };
  }

  /** Reads events until `stop` or `down` comes; resolves with the kind that ended it. */
  async run(queue: EventQueue): Promise<'stop' | 'down'> {
    for await (const event of queue) {
      switch (event.kind) {
        case 'look':
          await this.#look(() => queue.pressing);
          break;
        case 'admin':
          await this.#administer(event.request).then(event.answer.resolve, event.answer.reject);
          break;
        case 'verdicts':
          await this.#followVerdicts();
          break;
        case 'deadlines':
          await this.#endDrains();
          break;
        case 'pulse':
          this.#supervisor.pulse();
          break;
        case 'reload':
          await this.#announced(() => this.reload()).then(event.answer.resolve, event.answer.reject);
          break;
        case 'apply': {
          const { config, how, answer } = event;
          await this.#announced(() => this.apply(config, how)).then(answer.resolve, answer.reject);
          break;
        }
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
   * being taken, or one wrong name would hold up all services; then it rejects with all that failed. `done` is told of each
   * step that was taken.
   */
  async converge(
    done: (step: Step, observed: ObservedState) => void = () => {},
    observe: () => Promise<ObservedState> | ObservedState = () => this.#observe(this.#desired),
  ): Promise<Plan> {
    const begin = performance.now();
    const observed = await observe();
    const plan = diff(observed, this.#desired);
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

  /** Where the time of the latest convergence went. */
  get took(): Took {
    return this.#took;
  }

  /** What this director is doing, in one line for people. */
  get summary(): string {
    const { services, interfaces } = this.#desired;
    const { ok, message } = this.lastReload;
    const state = this.#complaint ?? (ok ? undefined : `last reload: ${message}`);
    const count = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`;
    const work = `${count(services.size, 'service')} on ${count(interfaces.size, 'interface')}`;
    return state === undefined ? work : `${work}; ${state}`;
  }

  /** Tells the service manager of a reload: when it begins, and, whatever came of it, when it has ended. */
  async #announced<T>(act: () => Promise<T>): Promise<T> {
    this.#supervisor.reloading();
    try {
      return await act();
    } finally {
      this.#supervisor.ready(this.summary);
    }
  }

  /** Reads the file again; one with mistakes changes nothing. */
  async reload(): Promise<ReloadDone | Refused> {
    const begin = performance.now();
    const read = await readConfig(this.#file);
    if (!read.ok) return this.#refuse('reload_refused', read);
    this.#fileVersion = read.version;
    return this.#carryOut({ done: 'reloaded', failed: 'reload_failed' }, read, since(begin));
  }

  /** Makes a text the configuration in force, and the file's if it is to stay; one with mistakes changes nothing. */
  async apply(given: ConfigText, { persist, if_version }: ApplyHow): Promise<ApplyDone | Refused> {
    const { version } = this.inForce;
    if (if_version !== undefined && if_version !== version)
      throw new VersionConflict(
        `version ${version} is in force, not ${if_version}; read it again, and make the change to that`,
      );
    const begin = performance.now();
    const read = checkConfig(given);
    const readMs = since(begin);
    if (!read.ok) return this.#refuse('apply_refused', read);
    if (persist) {
      await writeConfig(this.#file, read.text, this.#fileVersion);
      this.#fileVersion = read.version;
    }
    const done = await this.#carryOut({ done: 'applied', failed: 'apply_failed' }, read, readMs);
    return { ...done, version: this.inForce.version, persisted: this.inForce.persisted };
  }

  /** The configuration in force. */
  get inForce(): ConfigInForce {
    const version = this.#version;
    return { text: this.#text, file: this.#file, version, persisted: version === this.#fileVersion };
  }

  /** How long a plane of another layout may last that this one has taken over from, in milliseconds. */
  get retireAfterMs(): number {
    return this.#retireAfterMs;
  }

  /** Between two looks at the whole of what is, in milliseconds; a reload may change it. */
  get lookEveryMs(): number {
    return this.#config.lookEveryMs;
  }

  #refuse(event: string, refused: Refused): Refused {
    const { problems } = refused;
    this.#note(false, `refused: ${problems.length} problem${problems.length === 1 ? '' : 's'}`);
    this.#log.error(event, { config_file: this.#file, problems });
    return refused;
  }

  async #carryOut(
    event: { done: string; failed: string },
    read: ReadConfig,
    readMs: number,
  ): Promise<ReloadDone> {
    const begin = performance.now();
    const watched = this.#health.watch;
    this.#health.adopt(read.config, this.#health.watchUnder(read.config));
    this.#config = read.config;
    this.#desired = compose(read.config, this.#desired, this.#health.weigh(read.config));
    this.#retireAfterMs = read.config.retireAfterMs;
    this.#text = read.text;
    this.#version = read.version;
    const about = { config_file: read.file, config_version: read.version };
    try {
      const plan = await this.converge();
      this.#complaint = undefined;
      this.#note(true, `${plan.length} step${plan.length === 1 ? '' : 's'}`);
      const times = { read_ms: readMs, apply_ms: since(begin), ...this.#took };
      this.#log.info(event.done, { ...about, steps: plan.length, ...times });
      const lines = this.#lines(plan, watched, this.#health.watch, read.config);
      return { ok: true, steps: plan.length, lines };
    } catch (error) {
      // The looks to come try again, and are not to say it anew.
      this.#complaint = (error as Error).message;
      this.#note(false, this.#complaint);
      this.#log.error(event.failed, { ...about, error });
      throw error;
    }
  }

  /** Whether all is as configured. */
  get readiness(): Readiness {
    return { ready: this.#complaint === undefined, detail: this.summary };
  }

  /**
   * Looks whether all is as it should be, and puts right what is not: somebody may have changed it by hand. Leaves off
   * once something is waiting; what it has found until then is put right with that, or by the next look.
   */
  async #look(waiting: () => boolean): Promise<void> {
    try {
      await this.#edge.plane.inspect?.(waiting);
      if (waiting()) return;
      // What could not be done the last time is no drift when it succeeds at last.
      const overdue = this.#failed;
      await this.converge((step, observed) => {
        if (!overdue.has(explainStep(step)[0]!))
          this.#log.warn('drift_repaired', { ...driftOf(step, observed) });
      });
      if (this.#complaint !== undefined) this.#log.info('converged', { after: this.#complaint });
      this.#complaint = undefined;
    } catch (error) {
      // Said once, then again only when it says something else: the look comes back every few seconds.
      const { message } = error as Error;
      if (message !== this.#complaint) this.#log.error('step_failed', { error });
      this.#complaint = message;
    }
  }

  /** Weights as they are to be now, into the data plane; the host is not concerned, and not looked at. */
  async #weighAgain(): Promise<void> {
    this.#desired = compose(this.#config, this.#desired, this.#health.weigh(this.#config));
    await this.converge(undefined, () => ({ ...this.#desired, ...this.#edge.plane.observe() }));
  }

  /** Does what an operator says of servers; rejects when it could be kept but not be done, and then the next look tries again. */
  async #administer(request: AdminRequest): Promise<AdminChange['servers']> {
    const servers = this.#health.override(request);
    if (servers.length > 0) await this.#weighAgain();
    return servers;
  }

  /** Servers have come up or gone down. What fails is tried again by the next look. */
  async #followVerdicts(): Promise<void> {
    try {
      await this.#weighAgain();
    } catch (error) {
      this.#complaint = (error as Error).message;
      this.#log.error('step_failed', { error });
    }
  }

  /** Disables whose drain is over, and says what is left on them. What fails is tried again by the next look at the drains. */
  async #endDrains(): Promise<void> {
    try {
      const ended = this.#health.endDrains();
      if (ended.length === 0) return;
      const counters = this.#edge.plane.counters();
      for (const one of ended) this.#log.warn('drain_deadline', { ...one, ...leftOn(counters, one) });
      await this.#weighAgain();
    } catch (error) {
      const { message } = error as Error;
      if (message !== this.#complaint) this.#log.error('step_failed', { error });
      this.#complaint = message;
    }
  }

  async #difference(given: ConfigText | undefined): Promise<DiffDone | Refused> {
    const read = given === undefined ? await readConfig(this.#file) : checkConfig(given);
    if (!read.ok) return read;
    const watch = this.#health.watchUnder(read.config);
    const desired = compose(read.config, this.#desired, this.#health.weigh(read.config, watch));
    const steps = diff(await this.#observe(desired), desired);
    return { ok: true, steps, lines: this.#lines(steps, this.#health.watch, watch, read.config) };
  }

  /** A plan in lines, with what it does not say: which checks come and go, and what has to wait. */
  #lines(plan: Plan, from: Watch, to: Watch, config: Config): string[] {
    const checks = explainChecks(from, to);
    const steps = plan.length === 0 && checks.length > 0 ? [] : explainPlan(plan);
    const overrides = listOverrides(this.#health.overrides).map(
      (one) => `override: ${one.server} of ${one.service} is ${overrideText(one)}`,
    );
    return [...checks, ...steps, ...overrides, ...this.#limitLines(config)];
  }

  /** Tables are made once; way of attaching and rate of answers are set at the start: says so where a file asks for others. */
  #limitLines({ limits, attach }: Config): string[] {
    const attached =
      attach === this.#attach
        ? []
        : [`director.attach: ${this.#attach} → ${attach} only when the daemon is started again`];
    const sizes = (Object.keys(limits) as (keyof Limits)[])
      .filter((name) => limits[name] !== this.#limits[name])
      .map(
        (name) =>
          `limits.${name}: ${this.#limits[name]} → ${limits[name]} only after ${name.startsWith('answer_') ? '' : 'weir down and '}weir run`,
      );
    return [...attached, ...sizes];
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

/** The director: knows what should be, compares it with what is, and carries out the difference. One loop alone calls it. */
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
import type { Watch } from '../core/health/servers.ts';
import type { Config } from '../core/model/config.ts';
import type { Dataplane, PlaneKind } from '../core/model/host.ts';
import type { AdminChange, Override } from '../core/model/override.ts';
import type { RuleOverrides } from '../core/model/rule-override.ts';
import { compose } from '../core/plan/compose.ts';
import { diff } from '../core/plan/diff.ts';
import { driftOf } from '../core/plan/drift.ts';
import { explainStep } from '../core/plan/explain.ts';
import type { DesiredState, ObservedState } from '../core/plan/states.ts';
import type { Plan } from '../core/plan/step.ts';
import { forgetModules, keepModules } from '../host/modules.ts';
import type { Log } from '../observe/log.ts';
import { type Complaint, openComplaint } from './complaint.ts';
import { Converger, type Done, since, type Took } from './converge.ts';
import { type ChosenPlane, differenceLines, type Fixed } from './difference.ts';
import { leftOn } from './drains.ts';
import type { Edge } from './execute.ts';
import type { Health } from './health.ts';
import { InForce } from './in-force.ts';
import { Overriding } from './overriding.ts';
import { checkConfig, type ReadConfig, readConfig, writeConfig } from './read-config.ts';
import type { Over, Rules } from './rules.ts';

/** What a director is made of. */
export interface DirectorParts {
  readonly edge: Edge;
  /** What its configuration file said when the daemon started. */
  readonly read: ReadConfig;
  readonly health: Pick<
    Health,
    'watch' | 'watchAtStart' | 'watchUnder' | 'adopt' | 'weigh' | 'overrides' | 'override' | 'endDrains'
  >;
  readonly rules: Rules;
  readonly log: Log;
  /** The data plane that an operator has chosen over the configuration. */
  readonly chosen?: () => ChosenPlane | undefined;
  /** Told what the configuration in force asks for; whether that was chosen over it until now. */
  readonly configured?: (dataplane: Dataplane) => boolean;
}

/** What should be, and how the last reading of the file went. */
export class Director {
  readonly #edge: Edge;
  readonly #health: DirectorParts['health'];
  readonly #rules: Rules;
  readonly #log: Log;
  readonly #fixed: Fixed;
  readonly #chosen: () => ChosenPlane | undefined;
  readonly #configured: (dataplane: Dataplane) => boolean;
  readonly #inForce: InForce;
  readonly #converger: Converger;
  readonly #complaint: Complaint;
  #desired: DesiredState;
  lastReload: LastReload;

  constructor({
    edge,
    read,
    health,
    rules,
    log,
    chosen = () => undefined,
    configured = () => false,
  }: DirectorParts) {
    this.#edge = edge;
    this.#health = health;
    this.#log = log;
    this.#complaint = openComplaint(log);
    this.#rules = rules;
    const over = rules.over(read, this.#kind);
    rules.settle(over);
    const { config } = over;
    this.#fixed = { limits: config.limits, attach: config.attach, dataplane: config.dataplane };
    this.#inForce = new InForce(read, config);
    this.overriding = new Overriding({
      ...{ rules, health, log, inForce: this.#inForce, running: () => this.#kind },
      enforce: (given, wanted) => this.#enforce(given, wanted),
      chosen: () => chosen()?.plane,
      complaint: () => this.#complaint.text,
    });
    this.#configured = configured;
    this.#converger = new Converger(edge, log);
    // Who was up stays up until its checks say otherwise: a new start of the daemon takes nobody out.
    health.adopt(config, health.watchAtStart(config, edge.plane.observe().services));
    this.#chosen = chosen;
    this.#desired = compose(config, undefined, health.weigh(config), this.#kind, edge.plane.beside);
    this.lastReload = { ok: true, at: new Date().toISOString(), message: 'read at start' };
    this.#settleChoice(config);
  }

  /** Makes what is like what should be; returns the steps it took. Rejects with all that could not be taken. */
  converge(
    done?: Done,
    observe: () => Promise<ObservedState> | ObservedState = () => this.#observe(this.#desired),
  ): Promise<Plan> {
    return this.#converger.converge(this.#desired, observe, done);
  }

  /** Whose state is composed; the simulated plane is the eBPF one without a kernel. */
  get #kind(): PlaneKind {
    return this.#edge.plane.kind === 'ipvs' ? 'ipvs' : 'bpf';
  }

  /** Where the time of the latest convergence went. */
  get took(): Took {
    return this.#converger.took;
  }

  /** What this director is doing, in one line for people. */
  get summary(): string {
    const { services, interfaces } = this.#desired;
    const { ok, message } = this.lastReload;
    const state = this.#complaint.text ?? (ok ? undefined : `last reload: ${message}`);
    const count = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`;
    const work = `${count(services.size, 'service')} on ${count(interfaces.size, 'interface')}`;
    return state === undefined ? work : `${work}; ${state}`;
  }

  /** Has the modules loaded at every boot that the plane needs for what it directs. */
  keepModules(): void {
    const names = this.#edge.plane.modules?.(this.#desired.services.values());
    if (names === undefined) return;
    const reason = keepModules(names);
    if (reason !== undefined) this.#log.warn('modules_not_kept', { reason });
  }

  /** Reads the file again; one with mistakes changes nothing. */
  async reload(): Promise<ReloadDone | Refused> {
    const begin = performance.now();
    const read = await this.#read();
    if (!read.ok) return this.#refuse('reload_refused', read);
    this.#inForce.fileHas(read);
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
    const read = await this.#read(given);
    const readMs = since(begin);
    if (!read.ok) return this.#refuse('apply_refused', read);
    if (persist) {
      await writeConfig(this.#inForce.file, read.text, this.#inForce.fileVersion);
      this.#inForce.fileHas(read);
    }
    const done = await this.#carryOut({ done: 'applied', failed: 'apply_failed' }, read, readMs);
    return { ...done, version: this.inForce.version, persisted: this.inForce.persisted };
  }

  /** The configuration in force. */
  get inForce(): ConfigInForce {
    return this.#inForce.text;
  }

  /** What it comes to, with the overrides over it. */
  get config(): InForce['config'] {
    return this.#inForce.config;
  }

  /** How long a plane of another layout may last that this one has taken over from, in milliseconds. */
  get retireAfterMs(): number {
    return this.#inForce.config.retireAfterMs;
  }

  /** Between two looks at the whole of what is, in milliseconds; a reload may change it. */
  get lookEveryMs(): number {
    return this.#inForce.config.lookEveryMs;
  }

  #refuse(event: string, refused: Refused): Refused {
    const { problems } = refused;
    this.#note(false, `refused: ${problems.length} problem${problems.length === 1 ? '' : 's'}`);
    this.#log.error(event, { config_file: this.#inForce.file, problems });
    return refused;
  }

  async #carryOut(
    event: { done: string; failed: string },
    read: ReadConfig,
    readMs: number,
  ): Promise<ReloadDone> {
    const begin = performance.now();
    const over = this.#rules.over(read, this.#kind);
    const lines = this.#adopt(read, over);
    this.#rules.settle(over);
    const about = { config_file: read.file, config_version: read.version };
    try {
      const plan = await this.converge();
      this.keepModules();
      this.#complaint.settle();
      this.#note(true, `${plan.length} step${plan.length === 1 ? '' : 's'}`);
      const times = { read_ms: readMs, apply_ms: since(begin), ...this.took };
      this.#log.info(event.done, { ...about, steps: plan.length, ...times });
      return { ok: true, steps: plan.length, lines: lines(plan) };
    } catch (error) {
      // The looks to come try again, and are not to say it anew.
      this.#complaint.keep(error);
      this.#note(false, (error as Error).message);
      this.#log.error(event.failed, { ...about, error });
      throw error;
    }
  }

  /** Whether all is as configured. */
  get readiness(): Readiness {
    return { ready: this.#complaint.text === undefined, detail: this.summary };
  }

  /**
   * Looks whether all is as it should be, and puts right what is not: somebody may have changed it by hand. Leaves off
   * once something is waiting; what it has found until then is put right with that, or by the next look.
   */
  async look(waiting: () => boolean): Promise<void> {
    try {
      await this.#edge.plane.inspect?.(waiting);
      if (waiting()) return;
      // What could not be done the last time is no drift when it succeeds at last.
      const overdue = this.#converger.undone;
      await this.converge((step, observed) => {
        if (!overdue.has(explainStep(step)[0]!))
          this.#log.warn('drift_repaired', { ...driftOf(step, observed) });
      });
      const { text } = this.#complaint;
      if (text !== undefined) this.#log.info('converged', { after: text });
      this.#complaint.settle();
    } catch (error) {
      this.#complaint.raise(error);
    }
  }

  /** Weights as they are to be now, into the data plane; the host is not concerned, and not looked at. */
  async #weighAgain(): Promise<void> {
    this.#compose();
    await this.converge(undefined, () => ({ ...this.#desired, ...this.#edge.plane.observe() }));
  }

  /** Does what an operator says of servers; rejects when it could be kept but not be done, and then the next look tries again. */
  async administer(request: AdminRequest): Promise<AdminChange['servers']> {
    const servers = this.#health.override(request);
    if (servers.length > 0) await this.#weighAgain();
    return servers;
  }

  /** Servers have come up or gone down. What fails is tried again by the next look. */
  async followVerdicts(): Promise<void> {
    try {
      await this.#weighAgain();
    } catch (error) {
      this.#complaint.raise(error);
    }
  }

  /** Disables whose drain is over, and says what is left on them. What fails is tried again by the next look at the drains. */
  async endDrains(): Promise<void> {
    try {
      const left = (one: Override) => leftOn(this.#edge.plane.counters(new Set([one.service])), one);
      const ended = this.#health.endDrains(left);
      if (ended.length === 0) return;
      for (const one of ended) {
        const on_down = this.#desired.services.get(one.service)?.on_down ?? 'keep';
        this.#log.warn('drain_deadline', { ...one, ...left(one), on_down });
      }
      await this.#weighAgain();
    } catch (error) {
      this.#complaint.raise(error);
    }
  }

  /** What this text, or else the file, would change. */
  async difference(given: ConfigText | undefined): Promise<DiffDone | Refused> {
    const read = await this.#read(given);
    if (!read.ok) return read;
    const over = this.#rules.over(read, this.#kind);
    const watch = this.#health.watchUnder(over.config);
    const desired = this.#composed(over.config, watch);
    const steps = diff(await this.#observe(desired), desired);
    const { undone } = this.#converger;
    return { ok: true, steps, lines: this.#lines(steps, this.#health.watch, watch, over, undone) };
  }

  #lines(
    plan: Plan,
    from: Watch,
    to: Watch,
    { config, overrides: rules, past }: Over,
    undone?: ReadonlyMap<string, string>,
  ): string[] {
    const { overrides } = this.#health;
    const chosen = this.#chosen();
    const beside = { from, to, overrides, rules, past, fixed: this.#fixed, config, directs: this.#kind };
    return differenceLines(plan, { ...beside, ...(chosen && { chosen }), ...(undone && { undone }) });
  }

  /** Makes this what is in force; returns what tells of a plan that led there. */
  #adopt(read: ReadConfig, over: Over): (plan: Plan) => string[] {
    const watched = this.#health.watch;
    this.#health.adopt(over.config, this.#health.watchUnder(over.config));
    this.#inForce.take(read, over.config);
    this.#settleChoice(over.config);
    this.#compose();
    return (plan) => this.#lines(plan, watched, this.#health.watch, over);
  }

  /** What the file has come to say by itself is no choice over it any more. */
  #settleChoice({ dataplane }: Config): void {
    try {
      if (this.#configured(dataplane)) this.#log.info('override_configured', { dataplane });
    } catch (error) {
      // It says the same as the file, and is found out again by the next reading.
      this.#log.warn('overrides_not_kept', { error });
    }
  }

  /** What ipvsadm has changed. */
  get rules(): RuleOverrides {
    return this.#rules.overrides;
  }

  /** What operators do with overrides of the configuration. */
  readonly overriding: Overriding;

  /** Carries out what a file and overrides come to. */
  async #enforce(read: ReadConfig, over: Over): Promise<ReloadDone> {
    const lines = this.#adopt(read, over);
    try {
      const plan = await this.converge();
      this.keepModules();
      this.#complaint.settle();
      return { ok: true, steps: plan.length, lines: lines(plan) };
    } catch (error) {
      this.#complaint.keep(error);
      throw error;
    }
  }

  /** Another plane is to be as configured, or another one beside it has gone. Rejects with all that could not be done. */
  async follow(): Promise<Plan> {
    this.#compose();
    return await this.converge();
  }

  /** What should be, by the configuration in force and what is known of health. */
  #compose(): void {
    this.#desired = this.#composed(this.#inForce.config);
  }

  #composed(config: Config, watch?: Watch): DesiredState {
    const { beside } = this.#edge.plane;
    return compose(config, this.#desired, this.#health.weigh(config, watch), this.#kind, beside);
  }

  /** This text, or else the file, for the plane that directs. */
  async #read(given?: ConfigText): Promise<ReadConfig | Refused> {
    const how = [this.#kind, this.#chosen()?.plane, this.#inForce.read.config.services] as const;
    if (given !== undefined) return checkConfig(given, ...how);
    return await readConfig(this.#inForce.file, ...how);
  }

  async #observe(desired: DesiredState): Promise<ObservedState> {
    return { ...this.#edge.plane.observe(), ...(await this.#edge.host.observe(desired)) };
  }

  /** Puts the host back and removes the data plane; says what it has done. */
  async takeDown(): Promise<readonly string[]> {
    const lines = [...(await this.#edge.host.restore())];
    this.#edge.plane.destroy();
    lines.push(...forgetModules());
    this.#log.info('taken_down', { restored: lines });
    return [...lines, 'data plane: removed'];
  }

  #note(ok: boolean, message: string): void {
    this.lastReload = { ok, at: new Date().toISOString(), message };
  }
}

/** The health of real servers, as the director knows it: the thread that checks them, its verdicts, and who depends on them. */
import type { AdminRequest } from '../api/control.ts';
import { type ChecksListener, type CheckThread, openChecks } from '../checks/open.ts';
import { agentWords } from '../core/health/agent-words.ts';
import { type Holds, NO_HOLDS } from '../core/health/flap.ts';
import type { ServerHistory } from '../core/health/history.ts';
import type { SchedulerReport } from '../core/health/scheduler.ts';
import {
  type CheckStates,
  failingCheck,
  healthOf,
  NO_WATCH,
  type Previously,
  previouslyInPlane,
  previouslyWatched,
  type Watch,
  watchOf,
} from '../core/health/servers.ts';
import { type CheckState, freshState } from '../core/health/state.ts';
import { type ServerStatus, serverStatuses } from '../core/health/status.ts';
import type { CheckKey } from '../core/model/check.ts';
import type { Config } from '../core/model/config.ts';
import type { ServiceCounters } from '../core/model/counters.ts';
import type { AdminChange, Override, Overrides } from '../core/model/override.ts';
import { type ServiceKey, serviceKey, type VirtualService } from '../core/model/service.ts';
import { type Weigh, weighBy } from '../core/weight/weigh.ts';
import type { Log } from '../observe/log.ts';
import { Alarms, type Grounds } from './alarms.ts';
import { type Dependent, dependentsIn, weightAsked } from './dependents.ts';
import type { Left } from './drains.ts';
import { FeedbackWeights } from './feedback-weights.ts';
import { type Flapper, Flaps } from './flaps.ts';
import { histories } from './history.ts';
import { Operators } from './operators.ts';
import type { OverridesFile } from './overrides-file.ts';
import { SlowStarts } from './slow-starts.ts';
import { tellBeside } from './teller.ts';
import { type Standing, tellTurn } from './turns.ts';

/** What it stands on. */
export interface HealthParts {
  readonly log: Log;
  /** Told when a server's verdict has changed, so that the weights in effect are to be looked at again. */
  readonly changed: () => void;
  /** Told of each configuration before anything is said under it. */
  readonly adopted?: (config: Config) => void;
  /** Where an operator's overrides are kept. */
  readonly overrides: OverridesFile;
  /** Default: a thread that really asks. */
  readonly open?: (listener: ChecksListener) => CheckThread;
}

/** Health; close it. */
export class Health {
  readonly #log: Log;
  readonly #changed: () => void;
  readonly #thread: CheckThread;
  readonly #adopted: (config: Config) => void;
  #config: Config | undefined;
  #watch: Watch = NO_WATCH;
  #dependents: ReadonlyMap<CheckKey, readonly Dependent[]> = new Map();
  readonly #states = new Map<CheckKey, CheckState>();
  readonly #alarms: Alarms;
  readonly #operators: Operators;
  readonly #slowStarts: SlowStarts;
  readonly #flaps: Flaps;
  /** As they were last told. */
  #holds: Holds = NO_HOLDS;
  readonly #histories = histories();
  readonly #weights: FeedbackWeights;

  /** Throws an Error when the overrides cannot be read. */
  constructor({ log, changed, adopted = () => {}, overrides, open = openChecks }: HealthParts) {
    this.#log = log;
    this.#changed = changed;
    this.#adopted = adopted;
    this.#alarms = new Alarms(log);
    this.#slowStarts = new SlowStarts(changed);
    this.#weights = new FeedbackWeights({ log, histories: this.#histories });
    this.#operators = new Operators({
      file: overrides,
      histories: this.#histories,
      log,
      changed: () => void this.#settle(new Set(), () => this.#alarms.follow(this.#services, this.#grounds)),
    });
    this.#flaps = new Flaps(() => {
      if (this.#settle(new Set(), () => this.#flaps.expire())) changed();
    });
    this.#thread = open({
      changed: (states) => this.#learn(states),
      died: (error) => this.#log.error('checks_restarted', { error }),
    });
  }

  /** What is to be watched under `config` by a director that starts with `observed` in its data plane. */
  watchAtStart(config: Config, observed: ReadonlyMap<ServiceKey, VirtualService>): Watch {
    const inPlane = previouslyInPlane(config, observed);
    // Who has weight 0 for an operator's sake need not have been down.
    return watchOf(config.checks, (service, server) =>
      this.overrides.get(service)?.has(server) ? undefined : inPlane(service, server),
    );
  }

  /** What would be watched under `config` from now on. */
  watchUnder(config: Config): Watch {
    return watchOf(config.checks, this.#previously(config));
  }

  /** Watches from now on what `watch` says; checks that stay go on as they are. */
  adopt(config: Config, watch: Watch): void {
    const before = this.#config;
    this.#config = config;
    this.#adopted(config);
    this.#slowStarts.adopt(before, config);
    this.#histories.keep(config.services);
    const words = agentWords(this.#watch, watch, this.#states);
    this.#watch = watch;
    for (const key of this.#states.keys()) if (!watch.checks.has(key)) this.#states.delete(key);
    for (const [key, agent] of words) this.#states.set(key, { ...freshState(Date.now()), agent });
    this.#dependents = dependentsIn(watch, config);
    this.#flaps.adopt(watch);
    this.#alarms.follow(config.services, this.#grounds);
    this.#holds = this.#holdsOf(config.services, this.#grounds);
    this.#thread.set(watch.checks, this.#states);
  }

  /** What is watched now. */
  get watch(): Watch {
    return this.#watch;
  }

  /** Weighs services by what is known now. */
  weigh(config: Config, watch: Watch = this.#watch): Weigh {
    const grounds = { ...this.#grounds, watch };
    const { quorums, panics } =
      watch === this.#watch ? this.#alarms : this.#alarms.under(config.services, grounds);
    const holds = this.#holdsOf(config.services, grounds);
    return weighBy({ ...grounds, quorums, panics, holds, starting: this.#slowStarts.factors() });
  }

  /**
   * Servers with their health, of all services or of these, whose counters are given; rejects when the thread that checks does not
   * answer.
   */
  async servers(
    counters: readonly ServiceCounters[],
    of?: ReadonlySet<ServiceKey>,
  ): Promise<readonly ServerStatus[]> {
    const { states } = await this.#thread.report();
    // Verdicts are those that are in effect here; the latest results are there.
    const shown = new Map<CheckKey, CheckState>(this.#states);
    for (const [key, state] of states) {
      const known = this.#states.get(key);
      if ((known?.verdict ?? 'unknown') === state.verdict) shown.set(key, state);
    }
    const { quorums, panics } = this.#alarms;
    const starting = this.#slowStarts.factors();
    const holds = this.#holdsOf(this.#services, this.#grounds);
    const known = { ...this.#grounds, states: shown, quorums, panics, holds, starting };
    const services =
      of === undefined ? this.#services : this.#services.filter((one) => of.has(serviceKey(one)));
    return serverStatuses(counters, services, known);
  }

  /** What operators have said of servers. */
  get overrides(): Overrides {
    return this.#operators.overrides;
  }

  /** Keeps what an operator says of servers, and returns them; see `Operators.say`. */
  override(request: AdminRequest): AdminChange['servers'] {
    const servers = this.#operators.say(request, this.#services);
    if (request.state !== 'up') return servers;
    // Who says that a server is to serve has looked at it: it is not held down any longer.
    this.#settle(new Set(), () => this.#flaps.forgive(servers));
    for (const { service, server } of servers) this.#slowStarts.begin(service, server);
    return servers;
  }

  /** Disables whose drain is over, with what is left on them; returns them as they were. Throws an Error when it cannot be kept; then nothing is changed. */
  endDrains(left: (of: Override) => Left): readonly Override[] {
    return this.#operators.endDrains(left);
  }

  /** The last transitions of servers, since this daemon began. */
  get history(): readonly ServerHistory[] {
    return this.#histories.list();
  }

  /** How the scheduler of the checks keeps its times, some seconds ago at most. */
  get scheduler(): SchedulerReport {
    return this.#thread.latest;
  }

  close(): Promise<void> {
    this.#slowStarts.close();
    this.#flaps.close();
    return this.#thread.close();
  }

  get #services(): readonly VirtualService[] {
    return this.#config?.services ?? [];
  }

  get #grounds(): Grounds {
    return { watch: this.#watch, states: this.#states, overrides: this.overrides };
  }

  /** Only of servers that have checks it is asked. */
  #previously({ checks }: Config): Previously {
    const asked = checks.size === 0 ? [] : this.#services;
    const services = new Map(asked.map((service) => [serviceKey(service), service]));
    return previouslyWatched(this.#watch, this.#states, services);
  }

  /** Takes verdicts in, and says which servers they bring up or down. */
  #learn(states: CheckStates): void {
    const affected = new Set<Dependent>();
    for (const key of states.keys()) for (const one of this.#dependents.get(key) ?? []) affected.add(one);
    const asked = new Map([...affected].map((one) => [one, weightAsked(one, this.#states)]));
    const changes = this.#settle(affected, () => {
      const concerned = { checks: this.#watch.checks, dependents: this.#dependents };
      tellBeside(this.#log, concerned, this.#states, states);
      // A state may come of a check that has just been taken out.
      for (const [key, state] of states) if (this.#watch.checks.has(key)) this.#states.set(key, state);
    });
    const weights = [...asked].filter(([one, weight]) => weightAsked(one, this.#states) !== weight);
    for (const [one, from] of weights) this.#weights.moved(one, from, this.#states);
    if (!changes && weights.length === 0) return;
    const services = new Set([...affected].map(({ service }) => service));
    const concerned = this.#services.filter((one) => services.has(serviceKey(one)));
    this.#alarms.follow(concerned, this.#grounds);
    this.#changed();
  }

  /**
   * Lets `act` change what is known of these servers, and says what has become of them, and of those that are held down and may be
   * needed now. Returns whether anything has.
   */
  #settle(affected: ReadonlySet<Dependent>, act: () => void): boolean {
    const concerned = new Set([
      ...affected,
      ...this.#flaps.held().flatMap((one) => this.#dependent(one) ?? []),
    ]);
    const before = new Map([...concerned].map((one) => [one, this.#standing(one)]));
    act();
    for (const [one, { own }] of before) {
      const { verdict } = healthOf(one.watched, this.#states);
      if (verdict !== own.verdict) this.#flaps.turned(one, verdict);
    }
    this.#holds = this.#holdsOf(this.#services, this.#grounds);
    let changed = false;
    for (const [one, was] of before) {
      const is = this.#standing(one);
      changed ||= is.own.verdict !== was.own.verdict || is.hold?.value !== was.hold?.value;
      const check = failingCheck(one.watched, this.#watch, this.#states);
      const isBack = tellTurn({ log: this.#log, histories: this.#histories }, one, was, is, check);
      // During a panic it had its weight all along.
      if (isBack && this.#alarms.panics.get(one.service)?.on !== true)
        this.#slowStarts.begin(one.service, one.server);
    }
    return changed;
  }

  #standing({ service, server, watched }: Dependent): Standing {
    return { own: healthOf(watched, this.#states), hold: this.#holds.get(service)?.get(server) };
  }

  #dependent({ service, server }: Flapper): Dependent | undefined {
    const [check] = this.#watch.services.get(service)?.servers.get(server)?.checks ?? [];
    const all = check === undefined ? [] : (this.#dependents.get(check) ?? []);
    return all.find((one) => one.service === service && one.server === server);
  }

  /** What holds servers down by these grounds. */
  #holdsOf(services: readonly VirtualService[], grounds: Grounds): Holds {
    const starting = this.#slowStarts.factors();
    return this.#flaps.holds(services, (concerned) => ({
      ...grounds,
      ...this.#alarms.under(concerned, grounds),
      starting,
    }));
  }
}

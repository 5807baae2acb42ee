/** `weir migrate`: what it would come to, the change from one data plane to the other, and its end (docs/decisions/0027). */
import { type MigrateDone, type MigrateRequest, MigrationConflict, type Refused } from '../api/control.ts';
import { formatDuration } from '../config/units.ts';
import type { PlaneKind } from '../core/model/host.ts';
import { type ServiceKey, serviceKey } from '../core/model/service.ts';
import { compose } from '../core/plan/compose.ts';
import { diff } from '../core/plan/diff.ts';
import { explainPlan } from '../core/plan/explain.ts';
import type { Plan } from '../core/plan/step.ts';
import { forgetModules } from '../host/modules.ts';
import type { Host } from '../host/port.ts';
import type { Log } from '../observe/log.ts';
import type { Director } from './director.ts';
import type { Health } from './health.ts';
import type { Planes } from './planes.ts';
import { checkConfig } from './read-config.ts';
import { pastText, type Rules } from './rules.ts';

/** What it works on. */
export interface MigratorParts {
  readonly planes: Planes;
  readonly director: Pick<Director, 'inForce' | 'config' | 'follow' | 'retireAfterMs' | 'keepModules'>;
  readonly host: Pick<Host, 'observe'>;
  readonly health: Pick<Health, 'weigh'>;
  readonly rules: Pick<Rules, 'over'>;
  readonly log: Log;
}

/** What a plane has of connections, by what becomes of them. */
type Counts = Pick<MigrateDone, 'stay' | 'move' | 'templates' | 'forgotten'>;

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
const sentence = (lines: readonly string[]): string => lines.join('; ');

/** Migrates, one request at a time. */
export class Migrator {
  readonly #parts: MigratorParts;
  readonly #planes: Planes;
  readonly #director: MigratorParts['director'];
  readonly #log: Log;
  #complaint = '';

  constructor(parts: MigratorParts) {
    this.#parts = parts;
    this.#planes = parts.planes;
    this.#director = parts.director;
    this.#log = parts.log;
  }

  /** Has the other plane take over. Rejects with MigrationConflict, or with an Error that says what failed, and that the old plane goes on. */
  async migrate({ to, deadline_ms, dry_run }: MigrateRequest): Promise<MigrateDone | Refused> {
    const from = this.#planes.kind;
    if (to === from) throw new MigrationConflict(this.#already(to));
    const refused = this.#refusal(to);
    if (refused !== undefined) return refused;
    if (this.#planes.retiring(0).length > 0)
      throw new MigrationConflict(
        'a plane of an earlier version still finishes its connections; weir status says how many',
      );
    const lasts = deadline_ms ?? this.#director.retireAfterMs;
    const until = new Date(Date.now() + lasts).toISOString();
    const plan = await this.#planFor(to);
    const counts = dry_run ? await this.#count(to) : await this.#takeOver(to, until);
    const lines = [...planLines(plan, to), ...countLines(counts, from, to, formatDuration(lasts))];
    if (!dry_run) this.#log.info('migrated', { from, to, until, ...counts });
    return { ok: true, from, to, dry_run, ...counts, until, lines };
  }

  /** Looks what the old plane has left; removes it when it has nothing, or its time is over. What fails is said once, and tried again. */
  async follow(): Promise<void> {
    try {
      const end = await this.#planes.follow();
      if (end === undefined) return;
      this.#log.info('migration_ended', { ...end });
      if (end.from === 'ipvs')
        for (const done of forgetModules()) this.#log.info('modules_forgotten', { done });
      await this.#director.follow();
      this.#complaint = '';
    } catch (error) {
      const { message } = error as Error;
      if (message !== this.#complaint) this.#log.error('migration_failed', { error });
      this.#complaint = message;
    }
  }

  /** What of the configuration in force, and of the overrides over it, that plane cannot do. */
  #refusal(to: PlaneKind): Refused | undefined {
    const read = checkConfig(this.#director.inForce, to, to);
    if (!read.ok) return read;
    const { past } = this.#parts.rules.over(read, to);
    return past.length === 0 ? undefined : { ok: false, problems: past.map(pastText) };
  }

  /** What it takes to make that plane, and the host for both, as they are to be. */
  async #planFor(to: PlaneKind): Promise<Plan> {
    const { host, health } = this.#parts;
    const { config } = this.#director;
    const desired = compose(config, undefined, health.weigh(config), to, this.#planes.kind);
    return diff({ ...this.#planes.observeOf(to), ...(await host.observe(desired)) }, desired);
  }

  #already(to: PlaneKind): string {
    const { migration } = this.#planes;
    if (migration === undefined) return `${to} directs already`;
    const { from, connections, until } = migration;
    const left = connections === null ? 'its connections' : plural(connections, 'connection');
    return `${to} directs already; ${from} finishes ${left}, until ${until} at most`;
  }

  async #takeOver(to: PlaneKind, until: string): Promise<Counts> {
    const from = this.#planes.kind;
    this.#planes.begin(to, until);
    try {
      await this.#director.follow();
      const { connections, left, templates, forgotten } = await this.#planes.turn(
        this.#director.config.dataplane,
      );
      if (to === 'ipvs') this.#director.keepModules();
      return { stay: left, move: connections, templates, forgotten };
    } catch (error) {
      const undone = await this.#goOn();
      throw new Error(
        sentence([`${from} goes on: ${to} did not take over: ${(error as Error).message}`, ...undone]),
        {
          cause: error,
        },
      );
    }
  }

  /** The plane that has directed goes on; says what of that could not be done. */
  async #goOn(): Promise<readonly string[]> {
    const said: string[] = [];
    try {
      this.#planes.abort();
    } catch (error) {
      said.push(`what was prepared is still there (${(error as Error).message})`);
    }
    try {
      await this.#director.follow();
    } catch (error) {
      said.push((error as Error).message);
    }
    return said;
  }

  /** What a dry run can tell of the connections there are. */
  async #count(to: PlaneKind): Promise<Counts> {
    const counts = { stay: 0, move: 0, templates: 0, forgotten: 0 };
    const services = new Set(this.#director.config.services.map(serviceKey));
    for await (const chunk of this.#planes.handover.own())
      for (const { state, protocol, virtual } of chunk) {
        const keys = [virtual.port, 0].map(
          (port) =>
            `${protocol} ${virtual.address.includes(':') ? `[${virtual.address}]` : virtual.address}:${port}`,
        );
        const isTaken = to === 'bpf' && keys.some((key) => services.has(key as ServiceKey));
        if (state === 'TEMPLATE') counts[isTaken ? 'templates' : 'forgotten']++;
        else counts[isTaken && protocol === 'udp' ? 'move' : 'stay']++;
      }
    return counts;
  }
}

/** Steps in lines; services that are made as they are on the other plane, in one. */
function planLines(plan: Plan, to: PlaneKind): readonly string[] {
  const made = plan.filter((step) => step.kind === 'publish_service' && step.before === undefined);
  const rest = plan.filter((step) => !made.includes(step));
  return [
    ...(made.length === 0 ? [] : [`+ ${plural(made.length, 'service')} on ${to}`]),
    ...(rest.length === 0 ? [] : explainPlan(rest)),
  ];
}

function countLines(
  { stay, move, templates, forgotten }: Counts,
  from: PlaneKind,
  to: PlaneKind,
  lasts: string,
) {
  const clients = plural(forgotten, 'client');
  return [
    `${plural(stay, 'connection')} stay${stay === 1 ? 's' : ''} with ${from} until they end, ${lasts} at most`,
    ...(move === 0 ? [] : [`${plural(move, 'UDP conversation')} go on by ${to}, to the same servers`]),
    ...(templates === 0 ? [] : [`${plural(templates, 'client')} remembered by ${to}, as by ${from}`]),
    ...(forgotten === 0
      ? []
      : [`${clients} of persistent services may move: ${to} cannot be told which server they have had`]),
  ];
}

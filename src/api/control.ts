/** What a running director offers to whoever may open its control socket. */

import type { ServerHistory } from '../core/health/history.ts';
import type { SchedulerReport } from '../core/health/scheduler.ts';
import type { ServerStatus } from '../core/health/status.ts';
import type { Connection } from '../core/model/connection.ts';
import type { ServiceCounters, Verdicts } from '../core/model/counters.ts';
import type { PlaneKind } from '../core/model/host.ts';
import type { AdminState, Override } from '../core/model/override.ts';
import type { RuleChange } from '../core/model/rule.ts';
import type { RuleRefusal } from '../core/model/rule-change.ts';
import type { RuleOverride } from '../core/model/rule-override.ts';
import type { ServiceKey } from '../core/model/service.ts';
import type { Plan } from '../core/plan/step.ts';
import type { ConnectionFilter, RetiringPlane } from '../dataplane/port.ts';

/** How the last reading of the configuration file went, the one at start included. */
export interface LastReload {
  readonly ok: boolean;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** One line for people. */
  readonly message: string;
}

/** Memory in use, in bytes. */
export interface MemoryUse {
  /** Of the daemon itself, resident (VmRSS in proc(5)); what it has mapped of the tables counts here, too. */
  readonly resident: number;
  /** Of the data plane's tables in the kernel, made in full at the start; 0 while the director is starting. */
  readonly kernel: number;
}

/** Who is running, since when, on what. */
export interface Status {
  readonly version: string;
  readonly pid: number;
  /** ISO 8601, UTC. */
  readonly started_at: string;
  /** Absolute path. */
  readonly config_file: string;
  /** The data plane's own description, one line. */
  readonly plane: string;
  readonly memory: MemoryUse;
  readonly last_reload: LastReload;
  /** Which configuration is in force: what `ETag` and `If-Match` of /v1/config say. */
  readonly config_version: string;
  /** Since when traffic is counted, after a zero; null when nobody has set anything to zero in this daemon's life. */
  readonly counters_since: string | null;
  /** How the scheduler of the health checks keeps its times. */
  readonly checks: SchedulerReport;
  /** Data planes of other layouts that finish their connections after an upgrade. */
  readonly retiring: readonly RetiringPlane[];
  /** Which data plane directs; null while the director is starting. */
  readonly dataplane: PlaneKind | null;
  /** What an operator has chosen over the configuration, by migrating to it; null while the configuration decides. */
  readonly dataplane_chosen: { readonly plane: PlaneKind; readonly since: string } | null;
  /** The migration that is under way; null while there is none. */
  readonly migration: MigrationState | null;
}

/** How a migration from one data plane to the other stands. */
export interface MigrationState {
  /** The plane that finishes its connections. */
  readonly from: PlaneKind;
  /** The one that takes new ones. */
  readonly to: PlaneKind;
  /** ISO 8601, UTC. */
  readonly since: string;
  /** Until when the old plane stays at most. */
  readonly until: string;
  /** Connections that it still has; null when they have not been counted yet. */
  readonly connections: number | null;
}

/** What is asked of a migration. */
export interface MigrateRequest {
  readonly to: PlaneKind;
  /** How long the old plane may finish its connections, in milliseconds; absent: as long as the configuration lets a plane retire. */
  readonly deadline_ms?: number;
  /** Says what would happen, and changes nothing. */
  readonly dry_run: boolean;
}

/** What a migration does, or would do. */
export interface MigrateDone {
  readonly ok: true;
  readonly from: PlaneKind;
  readonly to: PlaneKind;
  readonly dry_run: boolean;
  /** Connections that the old plane has to finish. */
  readonly stay: number;
  /** Connections that go on through the new one, by which their servers stay the same: those over UDP, where it can take them. */
  readonly move: number;
  /** Clients that the new plane remembers the server of, as the old one does. */
  readonly templates: number;
  /** Clients that it does not remember, though their service is persistent: their next connection may go to another server. */
  readonly forgotten: number;
  readonly until: string;
  /** The whole in lines for people. */
  readonly lines: readonly string[];
}

/** That plane directs already; nothing was changed. */
export class MigrationConflict extends Error {
  override readonly name = 'MigrationConflict';
}

/** A configuration that is not (yet) the daemon's own file. */
export interface ConfigText {
  readonly text: string;
  /** What to call it in messages. */
  readonly file: string;
}

/** A configuration with mistakes: nothing was changed; one line per problem, with file, line and column. */
export interface Refused {
  readonly ok: false;
  readonly problems: readonly string[];
}

/** What an operator asks for. */
export interface AdminRequest {
  /** An address, or an endpoint, in canonical text. */
  readonly of: string;
  /** Absent for all services. */
  readonly service?: ServiceKey;
  readonly state: AdminState;
  /** The operator's own words. */
  readonly reason?: string;
  /** Only with `drain`: in how many milliseconds it becomes `down`, from 1 s on. */
  readonly deadline_ms?: number;
}

/** Commands of ipvsadm, to be done in order and as one plan. */
export interface RulesRequest {
  readonly changes: readonly RuleChange[];
  /** True: where one of them is refused, none is done. */
  readonly together?: boolean;
  /** Who asks; shown with the overrides. */
  readonly by?: string;
}

/** A command that was refused: its place, from 0, and why, by the kernel's names or in a sentence. */
export interface RefusedRule {
  readonly at: number;
  readonly code?: RuleRefusal;
  readonly text?: string;
}

/** Any override; `state` is what is said of a server by `weir drain` and `weir disable`. */
export type AnyOverride = ({ readonly kind: 'state' } & Override) | RuleOverride;

/** What names an override. */
export interface OverrideName {
  readonly kind: AnyOverride['kind'];
  readonly service: ServiceKey;
  /** Its endpoint in text; absent for what is said of the service. */
  readonly server?: string;
}

/** What a reload would do, as steps and as lines for people; no steps when nothing differs. */
export interface DiffDone {
  readonly ok: true;
  readonly steps: Plan;
  readonly lines: readonly string[];
}

/** What a reload did: how many steps, and lines for people. */
export interface ReloadDone {
  readonly ok: true;
  readonly steps: number;
  readonly lines: readonly string[];
}

/** What commands of ipvsadm did, and which of them were refused. */
export interface RulesDone extends ReloadDone {
  readonly refused: readonly RefusedRule[];
}

/** What was written into the daemon's own file, or would be: the lines that change, with `-` and `+`, and what is not written, and why. */
export interface WrittenOverrides {
  readonly ok: true;
  readonly written: number;
  readonly lines: readonly string[];
  readonly left: readonly string[];
}

/** What applying a configuration did. */
export interface ApplyDone extends ReloadDone {
  /** The version that is in force now. */
  readonly version: string;
  /** True when the text was written to the daemon's own file. */
  readonly persisted: boolean;
}

/** The configuration in force. */
export interface ConfigInForce extends ConfigText {
  /** A digest of the text: the same text has the same version, whoever applied it. */
  readonly version: string;
  /** False when it was applied without being written to the daemon's file: the next reload or start ends it. */
  readonly persisted: boolean;
}

/** How to apply a configuration. */
export interface ApplyHow {
  /** Whether to write the text to the daemon's own file first. */
  readonly persist: boolean;
  /** The version that has to be in force; any if it is absent. */
  readonly if_version?: string;
}

/** Another configuration is in force, or in the file, than the one a change was made for; nothing was changed. */
export class VersionConflict extends Error {
  override readonly name = 'VersionConflict';
}

/** The director is starting: it can be asked, but not yet for this. */
export class NotReady extends Error {
  override readonly name = 'NotReady';
}

/** Whether all is as configured, and if not, why. */
export interface Readiness {
  readonly ready: boolean;
  /** One line for people. */
  readonly detail: string;
}

/** Something that happened, as in the log. */
export interface DirectorEvent {
  /** Names it in the stream of events: where to go on. */
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly level: 'info' | 'warn' | 'error' | 'fatal';
  /** As in the log, such as `drift_repaired`. */
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** An event, or word that events are missing here: whatever was learnt from earlier ones has to be asked for anew. */
export type EventStreamItem =
  | { readonly kind: 'event'; readonly event: DirectorEvent }
  | { readonly kind: 'reset'; readonly id: string };

/** Where to begin with events: after an id, with all that is kept, or, by default, with the next. */
export interface EventsFrom {
  readonly after?: string | undefined;
  readonly past?: boolean;
}

/** The director as seen through the control socket; a method that cannot do its work rejects with an Error for people. */
export interface Control {
  status(): Status;
  services(): Promise<readonly ServiceCounters[]>;
  /** All real servers with their health and weights, those included that are out of their service because they are down. */
  servers(): Promise<readonly ServerStatus[]>;
  /** The last transitions of servers, since the daemon began. */
  history(): readonly ServerHistory[];
  /** What operators have said and changed. */
  overrides(): readonly AnyOverride[];
  /** Does commands of ipvsadm, as overrides; those that are refused change nothing. */
  changeRules(request: RulesRequest): Promise<RulesDone>;
  /** Forgets these overrides, or all; what there is none of is passed over. */
  dropOverrides(of: readonly OverrideName[] | 'all'): Promise<ReloadDone>;
  /** Writes overrides into the daemon's own file. Rejects with VersionConflict when that is not what is in force. */
  writeOverrides(how: { readonly dry_run: boolean }): Promise<WrittenOverrides | Refused>;
  /** Drains, disables or puts back the servers of that name, and keeps it; returns those that are configured as they then are, and undefined if there is none of that name. */
  setAdminState(request: AdminRequest): Promise<readonly ServerStatus[] | undefined>;
  /** Live connections in chunks; the consumer may stop early, and then the iterator's `return` is called. */
  connections(filter: ConnectionFilter): AsyncIterable<readonly Connection[]>;
  verdicts(): Verdicts;
  /** Compares what is with `config`, or with the daemon's own file as it is on disk now; changes nothing. */
  diff(config?: ConfigText): Promise<DiffDone | Refused>;
  /** Reads the daemon's own file again and carries it out; a bad file is refused and the old one stays. */
  reload(): Promise<ReloadDone | Refused>;
  config(): ConfigInForce;
  /** Makes `config` the one in force; a bad one is refused. Rejects with VersionConflict where `how.if_version` asks for another. */
  apply(config: ConfigText, how: ApplyHow): Promise<ApplyDone | Refused>;
  /** Has the other data plane take over, or says what that would come to. Rejects with MigrationConflict, or, when it failed and the old plane goes on, with an Error that says so. */
  migrate(request: MigrateRequest): Promise<MigrateDone | Refused>;
  /** Counts traffic from now on: of one service, or of all and the verdicts too. Returns the keys; none if there is no such service. */
  zero(service?: ServiceKey): Promise<readonly ServiceKey[]>;
  /** Events until `signal` aborts or the daemon ends. */
  events(from: EventsFrom, signal: AbortSignal): AsyncIterable<EventStreamItem>;
  readiness(): Readiness;
  /** Removes the data plane and restores the host; returns a line per thing done. Afterwards the daemon closes its socket and exits. */
  down(): Promise<readonly string[]>;
}

/**
 * The data plane that directs, and for the time of a migration the other one beside it (docs/decisions/0027). To everybody else
 * they are one plane: what is published goes to the one that leads, what is looked at is its, and both are kept up.
 */
import { setTimeout } from 'node:timers/promises';
import type { MigrationState } from '../api/control.ts';
import type { Dataplane, PlaneKind } from '../core/model/host.ts';
import type { ServiceKey, VirtualService } from '../core/model/service.ts';
import { EMPTY_STATE } from '../core/plan/states.ts';
import type {
  Adoption,
  ConnectionFilter,
  DataPlane,
  Handover,
  KernelPlane,
  PlaneState,
} from '../dataplane/port.ts';
import { type DataplaneFile, type DataplaneRecord, otherPlane } from './dataplane-file.ts';

/** What planes are made of. */
export interface PlanesParts {
  readonly lead: KernelPlane;
  /** The one that finishes its connections, after a start in the middle of a migration. */
  readonly elder?: KernelPlane;
  readonly file: DataplaneFile;
  readonly record: DataplaneRecord;
  /** Opens a plane beside the one that is open. */
  readonly open: (kind: PlaneKind) => KernelPlane;
  /** Milliseconds in which a packet that is in the middle of its way through one plane has come through; default 200. */
  readonly settleMs?: number;
  /** Told of what the elder plane cannot follow. */
  readonly behind?: (error: Error) => void;
}

/** How a migration has ended. */
export interface MigrationEnd {
  readonly from: PlaneKind;
  readonly why: 'empty' | 'deadline';
  /** Connections that ended with the old plane. */
  readonly connections: number;
}

const SETTLE_MS = 200;
/** Counting takes at most this share of the time. */
const COUNTING_SHARE = 1 / 20;

/** One plane, or two. */
export class Planes implements KernelPlane {
  readonly #parts: PlanesParts;
  #lead: KernelPlane;
  #elder: KernelPlane | undefined;
  #record: DataplaneRecord;
  #left: number | undefined;
  /** When the elder's connections may be counted again, by performance.now(). */
  #countAgain = 0;

  constructor(parts: PlanesParts) {
    this.#parts = parts;
    this.#lead = parts.lead;
    this.#elder = parts.elder;
    this.#record = parts.record;
  }

  get kind(): PlaneKind {
    return this.#lead.kind;
  }
  get beside(): PlaneKind | undefined {
    return this.#elder?.kind;
  }
  get description(): string {
    return this.#lead.description;
  }
  get kernelMemory(): number {
    return this.#lead.kernelMemory + (this.#elder?.kernelMemory ?? 0);
  }
  get modules(): DataPlane['modules'] {
    return this.#lead.modules;
  }
  get handover(): Handover {
    return this.#lead.handover;
  }
  /** What an operator has chosen; undefined while the configuration alone decides. */
  get chosen(): DataplaneRecord['chosen'] {
    return this.#record.chosen;
  }
  /**
   * The configuration asks for this plane: what was chosen is none over it any more if it is that. Returns whether it was. Throws
   * an Error when that cannot be kept.
   */
  configured(dataplane: Dataplane): boolean {
    const { chosen, ...rest } = this.#record;
    if (chosen?.plane !== dataplane) return false;
    this.#keep(rest);
    return true;
  }
  /** How the migration that is under way stands; undefined while there is none. */
  get migration(): MigrationState | undefined {
    const { migration } = this.#record;
    if (migration?.phase !== 'switched' || this.#elder === undefined) return undefined;
    const { from, since, until } = migration;
    return { from, to: otherPlane(from), since, until, connections: this.#left ?? null };
  }

  /** What a plane of that kind has now: nothing while there is none. */
  observeOf(kind: PlaneKind): PlaneState {
    const plane = [this.#lead, this.#elder].find((one) => one?.kind === kind);
    return plane?.observe() ?? { ...EMPTY_STATE, forwarding: kind === 'ipvs' ? 'stack' : 'redirect' };
  }

  /**
   * Opens the plane of that kind, or takes the one that is there, as the one that is published to. Until `turn` it takes no new
   * connections. Throws an Error when it cannot be had; then nothing has changed.
   */
  begin(to: PlaneKind, until: string): void {
    const back = this.migration && { since: this.migration.since, until: this.migration.until };
    const before = this.#record;
    const since = new Date().toISOString();
    const from = this.#lead.kind;
    this.#keep({ ...before, migration: { from, since, until, phase: 'preparing', ...(back && { back }) } });
    try {
      const target = this.#elder ?? this.#parts.open(to);
      this.#elder = this.#lead;
      this.#lead = target;
      target.handover.wait();
    } catch (error) {
      this.#keep(before);
      throw error;
    }
    this.#left = undefined;
  }

  /** After a `begin`: as it was before. Throws an Error when that cannot be kept. */
  abort(): void {
    const { migration, chosen } = this.#record;
    const target = this.#lead;
    this.#lead = this.#elder!;
    const kept = chosen === undefined ? {} : { chosen };
    if (migration?.back === undefined) {
      this.#elder = undefined;
      this.#lead.handover.alone();
      remove(target);
      this.#keep(kept);
      return;
    }
    this.#elder = target;
    const { back, from } = migration;
    this.#keep({ ...kept, migration: { ...back, from: otherPlane(from), phase: 'switched' } });
    this.#turn();
  }

  /**
   * The plane that is published to takes new connections from now on, the other one none. Rejects when that cannot be kept, and
   * then nothing has changed. `configured` is what the configuration asks for. Says what was adopted.
   */
  async turn(configured: Dataplane = 'auto'): Promise<Adoption> {
    const { migration } = this.#record;
    // Whoever does not know of the elder plane yet, knows a moment later.
    await this.#settle();
    const first = await this.#adopt();
    const since = new Date().toISOString();
    const { back: _, ...rest } = migration!;
    // Where the configuration leads to it by itself, nothing is chosen over it: auto takes bpf first.
    const isConfigured = this.kind === (configured === 'auto' ? 'bpf' : configured);
    const chosen = isConfigured ? {} : { chosen: { plane: this.kind, since } };
    this.#keep({ ...chosen, migration: { ...rest, since, phase: 'switched' } });
    this.#turn();
    await this.#settle();
    // It leads, whatever keeps it from looking again now; `follow` looks once more.
    const again = await this.#adopt().catch((error: Error) => {
      this.#parts.behind?.(error);
      return first;
    });
    // The plane that has yielded forgets its templates, and a list that changes while it is read leaves some out.
    const most = (what: 'templates' | 'forgotten'): number => Math.max(first[what], again[what]);
    return { ...again, templates: most('templates'), forgotten: most('forgotten') };
  }

  /** After a start in the middle of a migration: makes sure that the planes stand as they are to. */
  async resume(): Promise<void> {
    if (this.#elder === undefined) return;
    await this.#settle();
    await this.#adopt();
    this.#turn();
    await this.#settle();
    await this.#adopt();
  }

  /** Counts what the elder plane still has, unless it was counted just now, and removes the plane once it has nothing, or its time is over. */
  async follow(): Promise<MigrationEnd | undefined> {
    const { migration } = this;
    if (migration === undefined) return undefined;
    const isOverdue = Date.now() >= Date.parse(migration.until);
    if (!isOverdue && performance.now() < this.#countAgain) return undefined;
    const { left } = await this.#adopt();
    if (left > 0 && !isOverdue) return undefined;
    const elder = this.#elder!;
    const { chosen } = this.#record;
    remove(elder);
    this.#elder = undefined;
    this.#lead.handover.alone();
    this.#keep(chosen === undefined ? {} : { chosen });
    return { from: migration.from, why: left === 0 ? 'empty' : 'deadline', connections: left };
  }

  async #adopt(): Promise<Adoption> {
    const begin = performance.now();
    const elder = this.#elder!;
    const done = await this.#lead.handover.adopt(elder.handover.own());
    // Of an older layout, which that plane had taken over from.
    const older = elder.retiring(0).reduce((sum, { connections }) => sum + (connections ?? 1), 0);
    this.#left = done.left + older;
    this.#countAgain = performance.now() + (performance.now() - begin) / COUNTING_SHARE;
    return { ...done, left: this.#left };
  }

  #turn(): void {
    this.#lead.handover.lead();
    this.#elder?.handover.yield();
  }

  async #settle(): Promise<void> {
    await setTimeout(this.#parts.settleMs ?? SETTLE_MS);
  }

  #keep(record: DataplaneRecord): void {
    this.#parts.file.save(record);
    this.#record = record;
  }

  inspect(leave: () => boolean): Promise<void> {
    return this.#lead.inspect?.(leave) ?? Promise.resolve();
  }
  observe(): PlaneState {
    return this.#lead.observe();
  }
  mend(): void {
    this.#lead.mend?.();
  }
  publishService(service: VirtualService): void {
    this.#lead.publishService(service);
    if (this.migration === undefined) return;
    // What becomes of its connections when a server goes is to become of those of the elder plane, too.
    try {
      this.#elder?.publishService(service);
    } catch (error) {
      this.#parts.behind?.(error as Error);
    }
  }
  removeService(key: ServiceKey): void {
    // The elder plane keeps it for its connections.
    this.#lead.removeService(key);
  }
  setForwarding: DataPlane['setForwarding'] = (to) => this.#lead.setForwarding(to);
  attach: DataPlane['attach'] = (one) => this.#lead.attach(one);
  detach: DataPlane['detach'] = (one) => this.#lead.detach(one);
  get syncDaemons(): NonNullable<DataPlane['syncDaemons']> {
    const { syncDaemons } = this.#lead;
    if (syncDaemons === undefined) throw new Error('sync daemons are on the plane `dataplane: ipvs` alone');
    return syncDaemons;
  }
  counters: DataPlane['counters'] = (of) => this.#lead.counters(of);
  verdicts: DataPlane['verdicts'] = () => this.#lead.verdicts();
  async *connections(filter: ConnectionFilter): ReturnType<DataPlane['connections']> {
    yield* this.#lead.connections(filter);
    if (this.#elder !== undefined) yield* this.#elder.connections(filter);
  }
  sweep: DataPlane['sweep'] = () => {
    const report = this.#lead.sweep();
    const elder = this.#elder?.sweep();
    return elder === undefined
      ? report
      : {
          walked: report.walked + elder.walked,
          expired: report.expired + elder.expired,
          completed: report.completed && elder.completed,
          differences: [...report.differences, ...elder.differences],
        };
  };
  routesChanged(): void {
    this.#lead.routesChanged();
    this.#elder?.routesChanged();
  }
  succeed(): readonly string[] {
    return this.#lead.succeed();
  }
  retiring: KernelPlane['retiring'] = (lastsMs) => [
    ...this.#lead.retiring(lastsMs),
    ...(this.#elder?.retiring(lastsMs) ?? []),
  ];
  retireSlice: KernelPlane['retireSlice'] = (lastsMs) => {
    const report = this.#lead.retireSlice(lastsMs);
    const elder = this.#elder?.retireSlice(lastsMs);
    return elder === undefined
      ? report
      : { completed: report.completed && elder.completed, retired: [...report.retired, ...elder.retired] };
  };
  close(): void {
    this.#lead.close();
    this.#elder?.close();
  }
  destroy(): void {
    this.#lead.destroy();
    this.#elder?.destroy();
    const { chosen } = this.#record;
    if (this.#record.migration !== undefined) this.#keep(chosen === undefined ? {} : { chosen });
  }
}

function remove(plane: KernelPlane): void {
  plane.destroy();
  plane.close();
}

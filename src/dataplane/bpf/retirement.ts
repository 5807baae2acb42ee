/**
 * Planes of other layouts, found under the same pins: this daemon cannot read their tables, but every plane has one
 * program with a frozen argument (struct weir_retire) that ends its taking of new connections, expires those it has,
 * and counts them. Their programs come first on each interface and pass on what is not theirs, to this plane's.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Libbpf } from '../../kernel/libbpf.ts';
import type { RetiredPlane, RetiringPlane } from '../port.ts';
import * as contract from './contract.generated.ts';
import { FILTER } from './filters.ts';
import { isAttached, otherLayouts, RETIRE_PIN, unpinAll } from './tables.ts';

/** Slots a slice: some milliseconds of the kernel's time when all are live. */
const SLICE = 65_536;
/** A packet that was on its way through the program when the order came has long been dealt with, in seconds. */
const SETTLED_S = 2;

/** Seconds of CLOCK_MONOTONIC, as bpf_ktime_get_ns counts them. */
const uptime = (): number => Number(process.hrtime.bigint() / 1_000_000n) / 1000;

/** Runs a plane's program; what is not named is 0. */
export function runRetire(
  bpf: Libbpf,
  program: number,
  order: Partial<contract.WeirRetire>,
): contract.WeirRetire {
  const task = new Uint8Array(contract.LAYOUTS.weir_retire.size);
  const view = new DataView(task.buffer);
  const nothing = { count: 1, no_new: 0, routes_changed: 0, no_new_since: 0, live: 0, expired: 0 };
  contract.writeWeirRetire(view, 0, { cursor: 0n, ...nothing, ...order });
  bpf.runSyscall(program, task);
  return contract.readWeirRetire(view);
}

/** One plane of another layout. */
export class Predecessor {
  readonly layout: string;
  readonly #bpf: Libbpf;
  readonly #directory: string;
  readonly #program: number;
  #cursor = 0n;
  /** Of the walk that is under way: when it began, and what it has met so far. */
  #begun = uptime();
  #met = 0;
  #since = 0;
  #connections: number | undefined;

  /** Throws an Error that says what to do when the plane is of a version that knows no retirement. */
  constructor(bpf: Libbpf, pinDir: string, layout: string) {
    this.layout = layout;
    this.#bpf = bpf;
    this.#directory = join(pinDir, layout);
    const program = bpf.getPinned(join(this.#directory, RETIRE_PIN));
    if (program === undefined)
      throw new Error(
        `${pinDir} holds the data plane of another version of Weir (layout ${layout}; this is ${contract.LAYOUT}). ` +
          'It goes on forwarding; `weir down` of either version removes it, which ends its connections.',
      );
    this.#program = program;
    this.#since = runRetire(bpf, program, {}).no_new_since;
  }

  /** Takes no new connections any more; true if it did until now. */
  stopTaking(): boolean {
    const was = this.#since;
    this.#since = runRetire(this.#bpf, this.#program, { no_new: 1 }).no_new_since;
    return was === 0;
  }

  routesChanged(): void {
    runRetire(this.#bpf, this.#program, { routes_changed: 1 });
  }

  /** Its programs are attached by filters. */
  get hasFilters(): boolean {
    return readdirSync(this.#directory).some((name) => name.startsWith(FILTER));
  }

  /** How it stands; `lastsMs` is how long it may last. */
  state(lastsMs: number): RetiringPlane {
    const since = Date.now() - (uptime() - this.#since) * 1000;
    return {
      layout: this.layout,
      connections: this.#connections ?? null,
      since: new Date(since).toISOString(),
      until: new Date(since + lastsMs).toISOString(),
    };
  }

  /** Walks its next slice; true when that ended a walk over all of it. */
  slice(): boolean {
    if (this.#cursor === 0n) {
      this.#begun = uptime();
      this.#met = 0;
    }
    const { cursor, live } = runRetire(this.#bpf, this.#program, { cursor: this.#cursor, count: SLICE });
    this.#cursor = cursor;
    this.#met += live;
    if (cursor !== 0n) return false;
    this.#connections = this.#met;
    return true;
  }

  /** Why it may go now; undefined while it has to stay. */
  end(lastsMs: number): RetiredPlane['why'] | undefined {
    const walkedSince = this.#since + SETTLED_S <= this.#begun;
    if (this.#cursor === 0n && this.#connections === 0 && walkedSince) return 'empty';
    return uptime() >= this.#since + lastsMs / 1000 ? 'deadline' : undefined;
  }

  /** Removes it from the kernel: the connections that it still has end. */
  remove(): void {
    this.close();
    unpinAll(this.#directory);
  }

  close(): void {
    this.#bpf.closeFd(this.#program);
  }
}

/**
 * The planes of other layouts under `pinDir`. What a cut short start or removal has left, with no program on any
 * interface, is removed. Throws an Error that says what to do when one is of a version that knows no retirement.
 */
export function findPredecessors(bpf: Libbpf, pinDir: string): Predecessor[] {
  return otherLayouts(pinDir).flatMap((layout) => {
    const directory = join(pinDir, layout);
    if (isAttached(directory)) return new Predecessor(bpf, pinDir, layout);
    unpinAll(directory);
    return [];
  });
}

/** All predecessors, from the day on which this plane takes over. */
export class Retirement {
  readonly #planes: Set<Predecessor>;
  /** False until this plane has taken over: until then they work as ever. */
  #begun = false;

  constructor(planes: readonly Predecessor[]) {
    this.#planes = new Set(planes);
  }

  /** None takes new connections from now on; the layouts that did until now. */
  begin(): string[] {
    this.#begun = true;
    return [...this.#planes].filter((plane) => plane.stopTaking()).map(({ layout }) => layout);
  }

  /** One of them is attached by filters. */
  get hasFilters(): boolean {
    return [...this.#planes].some((plane) => plane.hasFilters);
  }

  routesChanged(): void {
    for (const plane of this.#planes) plane.routesChanged();
  }

  states(lastsMs: number): RetiringPlane[] {
    return this.#begun ? [...this.#planes].map((plane) => plane.state(lastsMs)) : [];
  }

  /** Walks a slice of each, and removes those whose time has come. `completed` when no walk is under way. */
  slice(lastsMs: number): { completed: boolean; retired: RetiredPlane[] } {
    const retired: RetiredPlane[] = [];
    let completed = true;
    for (const plane of this.#begun ? this.#planes : []) {
      completed = plane.slice() && completed;
      const why = plane.end(lastsMs);
      if (why === undefined) continue;
      const { layout, connections } = plane.state(lastsMs);
      plane.remove();
      this.#planes.delete(plane);
      retired.push({ layout, why, connections });
    }
    return { completed, retired };
  }

  close(): void {
    for (const plane of this.#planes) plane.close();
    this.#planes.clear();
  }
}

/** Removes every plane under `pinDir`, whatever its layout. */
export function removeAll(pinDir: string): string[] {
  const layouts = existsSync(pinDir) ? readdirSync(pinDir) : [];
  for (const layout of layouts) unpinAll(join(pinDir, layout));
  return layouts;
}

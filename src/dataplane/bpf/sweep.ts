/**
 * The sweep: a slice of the connection tables at a time is walked in the kernel, what has expired goes, and what
 * stays is counted per server. At the end of a pass the count is held against the counters of every server whose
 * connections did not change meanwhile: a difference would be a defect, and is reported.
 */
import type { Family } from '../../core/address/address.ts';
import type { SweepReport } from '../port.ts';
import * as contract from './contract.generated.ts';
import type { Tables } from './tables.ts';

/** Slots a slice: about a millisecond of the kernel's time when all are live. */
const SLICE = 16_384;
/** Servers a slice whose counters are noted or compared: a few milliseconds. */
const SERVERS = 4_096;

/** Runs the sweep program over `count` slots. */
export function runSweep(tables: Tables, family: Family, from: number, count: number): contract.WeirSweep {
  const task = new Uint8Array(contract.LAYOUTS.weir_sweep.size);
  const view = new DataView(task.buffer);
  contract.writeWeirSweep(view, 0, { family, from, count, now: 0, live: 0, expired: 0 });
  tables.bpf.runSyscall(tables.programs.sweep, task);
  return contract.readWeirSweep(view);
}

/** The kernel's jiffies, truncated to 32 bits. */
export function jiffies(tables: Tables): number {
  return runSweep(tables, 4, 0, 0).now;
}

/** What the audit compares of a server. */
interface Count {
  readonly active: number;
  readonly inactive: number;
  readonly moves: number;
}

/** A pass goes through these, each in slices: counters are noted, both tables walked, counters compared. */
type Stage = 'note' | Family | 'compare';

/** Where a pass stands between two slices. */
export class Sweeper {
  readonly #tables: Tables;
  readonly #serverIds: ReadonlySet<number>;
  #stage: Stage = 'note';
  #from = 0;
  /** One more than the highest number of a server when the pass began. */
  #servers = 0;
  /** Each server's `moves` when the pass came by. */
  #moves = new Map<number, number>();
  /** What the pass before found wrong, by server, and what this one finds. */
  #suspects: ReadonlyMap<number, string> = new Map();
  #found = new Map<number, string>();

  /** `serverIds` are the servers to audit, as they are at each pass's beginning and end. */
  constructor(tables: Tables, serverIds: ReadonlySet<number>) {
    this.#tables = tables;
    this.#serverIds = serverIds;
  }

  /** Does the next slice: a part of the servers, of the table, or both where they are few. */
  slice(): SweepReport {
    if (this.#stage === 'note') this.#note();
    let report: SweepReport = { walked: 0, expired: 0, completed: false, differences: [] };
    if (this.#stage === 4 || this.#stage === 6) report = { ...report, ...this.#walk(this.#stage) };
    if (this.#stage !== 'compare' || !this.#compare()) return report;
    return { ...report, completed: true, differences: this.#conclude() };
  }

  #go(stage: Stage): void {
    this.#stage = stage;
    this.#from = 0;
  }

  #walk(family: Family): Pick<SweepReport, 'walked' | 'expired'> {
    const { high4, high6 } = this.#tables.tally.get(0);
    const high = family === 4 ? high4 : high6;
    const count = Math.max(0, Math.min(SLICE, high - this.#from));
    const { expired } = runSweep(this.#tables, family, this.#from, count);
    this.#from += count;
    if (this.#from >= high) this.#go(family === 4 ? 6 : 'compare');
    return { walked: count, expired };
  }

  /** Notes how often the next servers' counters have moved, and empties what the walk counts in. */
  #note(): void {
    if (this.#from === 0) {
      this.#moves = new Map();
      this.#servers = [...this.#serverIds].reduce((most, id) => Math.max(most, id + 1), 0);
    }
    const next = Math.min(this.#from + SERVERS, this.#servers);
    const empty = Array.from({ length: next - this.#from }, () => ({ active: 0, inactive: 0 }));
    this.#tables.serverAudit.setRun(this.#from, empty);
    for (const [id, { moves }] of this.#counted(next))
      if (this.#serverIds.has(id)) this.#moves.set(id, moves);
    this.#from = next;
    if (next === this.#servers) this.#go(4);
  }

  /** Compares the next servers' counters with the walk; true once that was all of them. */
  #compare(): boolean {
    const next = Math.min(this.#from + SERVERS, this.#servers);
    const walked = [...this.#tables.serverAudit.range(this.#from, next)];
    for (const [id, counted] of this.#counted(next)) {
      const difference = this.#difference(id, counted, walked[id - this.#from]![1]);
      if (difference !== undefined) this.#found.set(id, difference);
    }
    this.#from = next;
    return next === this.#servers;
  }

  /** The counters of servers from `#from` to before `end`, without the rest of their records. */
  *#counted(end: number): Generator<[id: number, count: Count]> {
    const { active, inactive, moves } = contract.LAYOUTS.weir_server.fields;
    for (const { first, count, view, stride } of this.#tables.servers.chunks(this.#from, end))
      for (let i = 0; i < count; i++) {
        const at = (field: number) => view.getUint32(i * stride + field, true);
        yield [first + i, { active: at(active), inactive: at(inactive), moves: at(moves) }];
      }
  }

  /** What is wrong with a server's counters, unless they moved during the pass. */
  #difference(id: number, counted: Count, walked: contract.WeirAudit): string | undefined {
    const { active, inactive, moves } = counted;
    if (!this.#serverIds.has(id) || this.#moves.get(id) !== moves) return undefined;
    if (active === walked.active && inactive === walked.inactive) return undefined;
    const said = `counted ${active} active, ${inactive} inactive after ${moves} changes`;
    return `server ${id}: ${said}; a walk found ${walked.active} and ${walked.inactive}`;
  }

  /**
   * Reports what two passes in a row have found in the same way. Once is not enough: a program may be held up, by a
   * hypervisor say, just where it has raised a counter and not yet swapped the word.
   */
  #conclude(): string[] {
    const confirmed = [...this.#found].filter(([id, finding]) => this.#suspects.get(id) === finding);
    this.#suspects = this.#found;
    this.#found = new Map();
    this.#go('note');
    return confirmed.map(([, finding]) => finding);
  }
}

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

/** Where a pass stands between two slices. */
export class Sweeper {
  readonly #tables: Tables;
  readonly #serverIds: ReadonlySet<number>;
  #family: Family = 4;
  #from = 0;
  /** Each server's `moves` when the pass began. */
  #moves = new Map<number, number>();
  /** What the pass before found wrong, by server. */
  #suspects = new Map<number, string>();

  /** `serverIds` are the servers to audit, as they are at each pass's beginning and end. */
  constructor(tables: Tables, serverIds: ReadonlySet<number>) {
    this.#tables = tables;
    this.#serverIds = serverIds;
  }

  /** Walks the next slice. */
  slice(): SweepReport {
    if (this.#family === 4 && this.#from === 0) this.#begin();
    const { high4, high6 } = this.#tables.tally.get(0);
    const high = this.#family === 4 ? high4 : high6;
    const count = Math.max(0, Math.min(SLICE, high - this.#from));
    const { expired } = runSweep(this.#tables, this.#family, this.#from, count);
    this.#from += count;
    const ended = this.#from >= high;
    const completed = ended && this.#family === 6;
    if (ended) {
      this.#family = this.#family === 4 ? 6 : 4;
      this.#from = 0;
    }
    return { walked: count, expired, completed, differences: completed ? this.#audit() : [] };
  }

  #begin(): void {
    this.#moves = new Map();
    for (const id of this.#serverIds) {
      this.#tables.serverAudit.set(id, { active: 0, inactive: 0 });
      this.#moves.set(id, this.#tables.servers.get(id).moves);
    }
  }

  /**
   * Reports what two passes in a row have found in the same way. Once is not enough: a program may be held up, by a
   * hypervisor say, just where it has raised a counter and not yet swapped the word.
   */
  #audit(): string[] {
    const suspects = new Map([...this.#moves].flatMap(([id, moves]) => this.#compare(id, moves)));
    const confirmed = [...suspects].filter(([id, finding]) => this.#suspects.get(id) === finding);
    this.#suspects = suspects;
    return confirmed.map(([, finding]) => finding);
  }

  /** What is wrong with a server's counters, unless they moved during the pass. */
  #compare(id: number, moves: number): [id: number, finding: string][] {
    const server = this.#tables.servers.get(id);
    const walked = this.#tables.serverAudit.get(id);
    if (!this.#serverIds.has(id) || server.moves !== moves) return [];
    if (server.active === walked.active && server.inactive === walked.inactive) return [];
    const counted = `counted ${server.active} active, ${server.inactive} inactive after ${moves} changes`;
    return [[id, `server ${id}: ${counted}; a walk found ${walked.active} and ${walked.inactive}`]];
  }
}

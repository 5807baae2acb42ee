/** Very many connections in the tables of a lab's daemon. */
import type { Lab } from '../../src/lab/lab.ts';

/** What opening them, and walking them once, has cost. */
export interface Flood {
  readonly opened: number;
  /** A datagram, all of the packet path included, in nanoseconds. */
  readonly open_ns: number;
  /** A pass of the sweep's program over the table, with all of them live: the kernel's part of a sweep. */
  readonly sweep_ms: number;
  readonly slices: number;
  readonly longest_slice_ms: number;
}

/** Opens `count` UDP connections to 203.0.113.100:53, from inside the director. */
export async function flood(lab: Lab, count: number): Promise<Flood> {
  const argv = [process.execPath, '--import', import.meta.resolve('tsx'), 'bench/scale/flood-driver.ts'];
  const text = await lab.run(lab.director, [...argv, lab.pinDir, String(count)], { timeout: 120_000 });
  return JSON.parse(text) as Flood;
}

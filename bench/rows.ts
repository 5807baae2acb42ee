/** The kinds of traffic that are measured, one row of the result each. */
import { bulk } from './load/bulk.ts';
import { keepAlive, shortConnections } from './load/http.ts';
import type { Load } from './load/load.ts';
import { udp } from './load/udp.ts';

/** A kind of traffic, and what Weir is to keep in it. */
export interface Row {
  /** Its name on the command line and in JSON. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  readonly load: Load;
  /** Weir is to cost at most this much of plain routing. */
  readonly bar: number;
}

/** All rows. A connection's opening costs more than its packets do, and so do datagrams, where nothing else is done. */
export function allRows(): Row[] {
  return [
    { name: 'keep-alive', title: 'keep-alive HTTP requests', load: keepAlive(), bar: 1 },
    { name: 'short', title: 'short connections', load: shortConnections(), bar: 1.03 },
    { name: 'bulk', title: 'TCP bulk', load: bulk(), bar: 1 },
    { name: 'udp', title: 'small UDP', load: udp(), bar: 1.03 },
  ];
}

/** The kinds of traffic that are measured, one row of the result each. */

/** A kind of traffic. */
export interface Row {
  /** Its name on the command line and in JSON. */
  readonly name: 'keep-alive' | 'short';
  /** For people. */
  readonly title: string;
  /** Connections at the same time for each real server. */
  readonly connections: number;
  /** Flags of wrk besides those. */
  readonly flags: readonly string[];
}

/** All rows. Twelve connections in all keep two processors busy without long queues. */
export const rows: readonly Row[] = [
  { name: 'keep-alive', title: 'keep-alive HTTP requests', connections: 4, flags: [] },
  { name: 'short', title: 'short connections', connections: 4, flags: ['-H', 'Connection: close'] },
];

/** The connection table with nothing around it: tables of a test's own, and the programs of table.bpf.c beside them. */
import { DEFAULT_LIMITS } from '../../src/core/model/config.ts';
import { openTables, type Tables, unpinAll } from '../../src/dataplane/bpf/tables.ts';
import { libbpf } from '../../src/kernel/libbpf.ts';
import { makePins, removePins } from '../support/pins.ts';
import { loadBeside } from './probe.ts';

/** struct table_work: what a worker did, and what it found wrong. */
export const WORK_FIELDS = [
  'worker',
  'family',
  'operations',
  'inserted',
  'taken',
  'removed',
  'expired',
  'found',
  'absent',
  'refused',
  'lost',
  'doubled',
  'phantom',
  'half_read',
] as const;
/** What a worker says at its end. */
export type Work = Record<(typeof WORK_FIELDS)[number], number>;

/** struct table_fill. */
const FILL_FIELDS = ['count', 'pattern', 'entered', 'refused'] as const;

/** How a fill chooses its flows: enum pattern of table_fill.h. */
export const PATTERNS = [
  'sequential ports',
  'one port',
  'strides',
  'random',
  'collected',
  'one client',
] as const;
export type Pattern = (typeof PATTERNS)[number];

/** Tables and programs of one test, or of one of its workers. */
export interface Table {
  readonly tables: Tables;
  work(task: Partial<Work>): Work;
  drain(family: number): Work;
  /** Enters flows until there are `count` of them or one is refused. */
  fill(count: number, pattern: Pattern): { entered: number; refused: number };
  /** Finds flows that are at home in the first bucket by the present secret, for the pattern "collected"; answers how many. */
  collect(count: number): number;
  close(): void;
}

/** Room for so many connections, under pins of their own or under those given. */
export function openTable(connections: number, pinDir?: string): Table {
  const bpf = libbpf();
  const own = pinDir ?? makePins();
  const limits = {
    ...DEFAULT_LIMITS,
    connections_ipv4: connections,
    connections_ipv6: Math.min(connections, 512),
  };
  const tables = openTables(bpf, 'dist/director.bpf.o', own, {
    ...limits,
    half_open: 16,
    servers: 16,
    services: 16,
  });
  const object = loadBeside(bpf, tables, 'dist/table.bpf.o');
  // What is known of each number is known to all workers.
  const known = bpf.maps(object).find(({ name }) => name === 'table_known')!;
  if (pinDir === undefined) bpf.pin(bpf.mapFd(known.handle), `${tables.directory}/table_known`);
  const run = <F extends string>(name: string, fields: readonly F[], task: Partial<Record<F, number>>) => {
    const words = Uint32Array.from(fields, (field) => task[field] ?? 0);
    bpf.runSyscall(bpf.programFd(object, name), new Uint8Array(words.buffer));
    return Object.fromEntries(fields.map((field, i) => [field, words[i]!])) as Record<F, number>;
  };
  return {
    tables,
    work: (task) => run('table_work', WORK_FIELDS, task),
    drain: (family) => run('table_drain', WORK_FIELDS, { family }),
    fill: (count, pattern) => run('table_fill', FILL_FIELDS, { count, pattern: PATTERNS.indexOf(pattern) }),
    collect: (count) => run('table_collect', FILL_FIELDS, { count }).entered,
    close: () => {
      bpf.closeObject(object);
      if (pinDir === undefined) {
        unpinAll(tables.directory);
        removePins(own);
      }
      tables.close();
    },
  };
}

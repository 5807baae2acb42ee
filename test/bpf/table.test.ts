/** The connection table under somebody who knows every key: nothing lost, doubled or half-read. */
import { execFile } from 'node:child_process';
import { cpus } from 'node:os';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runSweep } from '../../src/dataplane/bpf/sweep.ts';
import { keysIn } from './probe.ts';
import { openTable, type Table, WORK_FIELDS, type Work } from './table.ts';

/** Less than all numbers of table.bpf.c, so that slots and buckets are always short. */
const CONNECTIONS = 512;
const OPERATIONS = 6_000_000;

let table: Table;
afterEach(() => table?.close());

/** Bytes that are not zero in what should be an empty table: keys, counts of strayed keys, slots in use. */
function remains({ tables }: Table) {
  const strayed = [tables.keys4, tables.keys6].flatMap((keys) =>
    [...keys.range(0, keys.size)].map(([, bucket]) => Number(bucket.strayed)),
  );
  const inUse = [tables.connections4, tables.connections6].flatMap((slots) =>
    [...slots.range(0, slots.size)].filter(([, { head }]) => (head.word & 0xfn) !== 0n),
  );
  const { connections4, connections6 } = tables.tally.get(0);
  return {
    keys: keysIn(tables.keys4) + keysIn(tables.keys6),
    strayed: strayed.filter((count) => count !== 0).length,
    slots: inUse.length,
    counted: Number(connections4 + connections6),
  };
}

/** A worker on each CPU, and the sum of what they did. */
async function setToWork(family: number, operations: number): Promise<Work> {
  const pins = dirname(table.tables.directory);
  const workers = cpus().map(async (_, worker) => {
    const program = ['--import', import.meta.resolve('tsx'), 'test/bpf/table-worker.ts', pins];
    const task = [CONNECTIONS, family, worker, operations].map(String);
    const argv = ['-c', String(worker), process.execPath, ...program, ...task];
    return JSON.parse((await promisify(execFile)('taskset', argv)).stdout) as Work;
  });
  const done = await Promise.all(workers);
  const total = (field: keyof Work) => done.reduce((sum, one) => sum + one[field], 0);
  return Object.fromEntries(WORK_FIELDS.map((field) => [field, total(field)])) as Work;
}

const UNHARMED = { lost: 0, doubled: 0, phantom: 0, half_read: 0 };
const EMPTY = { keys: 0, strayed: 0, slots: 0, counted: 0 };

describe.each([4, 6])('workers on all CPUs, IPv%i', (family) => {
  beforeEach(() => {
    table = openTable(CONNECTIONS);
  });

  it('lose nothing, double nothing, read nothing by halves, and leave nothing behind', async () => {
    const sum = await setToWork(family, OPERATIONS);
    console.log(JSON.stringify(sum));
    expect(sum).toMatchObject(UNHARMED);
    expect(sum.operations).toBe(OPERATIONS * cpus().length);
    for (const field of ['inserted', 'taken', 'removed', 'expired', 'found', 'absent'] as const)
      expect(sum[field], field).toBeGreaterThan(10_000);

    expect(table.drain(family).lost).toBe(0);
    runSweep(table.tables, family as 4 | 6, 0, CONNECTIONS);
    expect(remains(table)).toEqual(EMPTY);
    // Every slot can be had again, once: none was lost, none was given out twice.
    if (family === 4) expect(table.fill(CONNECTIONS + 1, 'random')).toMatchObject({ entered: CONNECTIONS });
  }, 120_000);
});

it('workers on all CPUs keep count of strayed keys where buckets are few, and always full', async () => {
  table = openTable(CONNECTIONS);
  table.tables.settings.set(0, { ...table.tables.settings.get(0), buckets4: 12 });
  const sum = await setToWork(4, 4_000_000);
  expect(sum).toMatchObject(UNHARMED);
  console.log(JSON.stringify(sum));
  expect(sum.refused).toBeGreaterThan(1000);
  expect(table.drain(4).lost).toBe(0);
  runSweep(table.tables, 4, 0, CONNECTIONS);
  expect(remains(table)).toEqual(EMPTY);
}, 120_000);

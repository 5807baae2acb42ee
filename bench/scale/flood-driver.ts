/**
 * Opens connections in the tables of a running director, by BPF_PROG_TEST_RUN in its network namespace, and walks them
 * once as the sweep does. Usage: flood-driver.ts PIN_DIR COUNT; prints one line of JSON.
 */
import { DEFAULT_LIMITS } from '../../src/core/model/config.ts';
import { runSweep } from '../../src/dataplane/bpf/sweep.ts';
import { openTables } from '../../src/dataplane/bpf/tables.ts';
import { libbpf } from '../../src/kernel/libbpf.ts';
import { loadBeside } from '../../test/bpf/probe.ts';
import { readEntrance, skbContext } from '../../test/support/test-run.ts';
import type { Flood } from './flood.ts';

/** Runs of one call, and slots of one slice: what the daemon's sweep takes. */
const RUNS = 65_536;
const SLICE = 16_384;

const [pinDir = '', wanted = '0'] = process.argv.slice(2);
const count = Number(wanted);
const bpf = libbpf();
const tables = openTables(bpf, 'dist/director.bpf.o', pinDir, DEFAULT_LIMITS);
const object = loadBeside(bpf, tables, 'dist/flood.bpf.o');
const program = bpf.programFd(object, 'scale_open');
const { mac, ifindex } = readEntrance('eth0');
const context = skbContext({ ifindex });

/** An IPv4 UDP frame without addresses and ports: the program writes them. */
const frame = new Uint8Array(60);
frame.set(mac);
frame.set([0x08, 0x00, 0x45, 0, 0, 46], 12);
frame.set([64, 17], 22);
frame.set([0, 26], 38);

const before = Number(tables.tally.get(0).connections4);
let nanoseconds = 0;
for (let done = 0; done < count; done += RUNS) {
  const repeat = Math.min(RUNS, count - done);
  nanoseconds += repeat * bpf.runPacket(program, frame, { repeat, context }).nanoseconds;
}
const { connections4, high4 } = tables.tally.get(0);
const slices: number[] = [];
for (let from = 0; from < high4; from += SLICE) {
  const begin = performance.now();
  runSweep(tables, 4, from, Math.min(SLICE, high4 - from));
  slices.push(performance.now() - begin);
}
const flood: Flood = {
  opened: Number(connections4) - before,
  open_ns: Math.round(nanoseconds / count),
  sweep_ms: slices.reduce((sum, one) => sum + one, 0),
  slices: slices.length,
  longest_slice_ms: Math.max(...slices),
};
console.log(JSON.stringify(flood));
bpf.closeObject(object);
tables.close();

/**
 * Measures the programs of packets.bpf.c by BPF_PROG_TEST_RUN, in a lab's director, where the routes are. Prints one
 * line of JSON: nanoseconds a packet by measure, one number a round.
 */
import { parseAddress } from '../../src/core/address/address.ts';
import { DEFAULT_LIMITS } from '../../src/core/model/config.ts';
import { DEFAULT_TIMEOUTS } from '../../src/core/model/state.ts';
import { publishService } from '../../src/dataplane/bpf/publish.ts';
import { runSweep } from '../../src/dataplane/bpf/sweep.ts';
import { loadBeside, openProbe } from '../../test/bpf/probe.ts';
import { blankTcpFrame, readEntrance, skbContext } from '../../test/support/test-run.ts';

/** Connections of the large table, a power of two; and packets measured in one go. */
const FLOWS = 65_536;
const PACKETS = 1_000_000;
const ROUNDS = 5;

const PROGRAMS = ['open', 'answer', 'request', 'reply', 'floor', 'fill', 'hit', 'find'] as const;
type Program = (typeof PROGRAMS)[number];

const probe = openProbe({ ...DEFAULT_LIMITS, half_open: 2 * FLOWS });
const { bpf, tables } = probe;
publishService(
  { ...probe.publisher, hz: 250 },
  {
    protocol: 'tcp',
    address: parseAddress('203.0.113.100')!,
    port: 80,
    scheduler: 'wlc',
    timeouts: DEFAULT_TIMEOUTS,
    servers: [{ address: parseAddress('192.168.1.101')!, port: 80, weight: 1 }],
  },
);
tables.settings.set(0, { ...tables.settings.get(0), half_open_limit: 2 * FLOWS });
const object = loadBeside(bpf, tables, 'dist/packets.bpf.o');
const programs = Object.fromEntries(
  PROGRAMS.map((name) => [name, bpf.programFd(object, `bench_${name}`)]),
) as Record<Program, number>;

const entrances = { public: readEntrance('eth0'), private: readEntrance('eth1') };

/** Mean nanoseconds of `packets` runs over `flows` flows. */
function run(program: Program, flows: number, packets: number): number {
  const { mac, ifindex } = entrances[program === 'reply' || program === 'answer' ? 'private' : 'public'];
  const context = skbContext({ ifindex, mark: flows - 1 });
  tables.positions.set(0, 0n);
  return bpf.runPacket(programs[program], blankTcpFrame(mac), { repeat: packets, context }).nanoseconds;
}

/** Ends all connections: they were last seen long ago. */
function empty(): void {
  for (const [slot, connection] of tables.connections4.range(0, FLOWS)) {
    const last_seen = (connection.head.last_seen - 0x40000000) >>> 0;
    tables.connections4.set(slot, { ...connection, head: { ...connection.head, last_seen } });
  }
  runSweep(tables, 4, 0, FLOWS);
}

run('fill', FLOWS, FLOWS);

const measures = new Map<string, number[]>();
const note = (name: string, nanoseconds: number): void => {
  measures.set(name, [...(measures.get(name) ?? []), nanoseconds]);
};

for (let round = 0; round <= ROUNDS; round++) {
  const floor = run('floor', FLOWS, PACKETS);
  const fresh = run('open', FLOWS, FLOWS);
  run('answer', FLOWS, FLOWS);
  const promoted = run('request', FLOWS, FLOWS);
  const active = tables.servers.get(0).active;
  if (active !== FLOWS) throw new Error(`${active} of ${FLOWS} connections are established`);
  if (round > 0) {
    note('floor: write the frame and drop it', floor);
    note('new flow', fresh - floor);
    note('promotion to ESTABLISHED', promoted - floor);
    for (const [name, flows] of [
      ['1 flow', 1],
      ['64K flows', FLOWS],
    ] as const) {
      note(`kernel hash hit and rewriting alone, ${name}`, run('hit', flows, PACKETS) - floor);
      note(`connection found, nothing else, ${name}`, run('find', flows, PACKETS) - floor);
      note(`established, request, ${name}`, run('request', flows, PACKETS) - floor);
      note(`established, reply, ${name}`, run('reply', flows, PACKETS) - floor);
    }
  }
  empty();
}
console.log(JSON.stringify(Object.fromEntries(measures)));
bpf.closeObject(object);
probe.close();

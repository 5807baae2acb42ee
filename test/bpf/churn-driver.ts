/**
 * Opens, moves, closes and expires connections on all CPUs at once, then holds every counter against a walk of the
 * table. Runs inside a lab's director (it needs the routes there) and prints one line of JSON.
 *
 *   churn-driver.ts drive PACKETS        the whole of it
 *   churn-driver.ts persist PACKETS      the same of a persistent service, whose server leaves and comes back all the time
 *   churn-driver.ts churn PACKETS DIR    one CPU's share of the packets
 */
import { execFile } from 'node:child_process';
import { cpus } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parseAddress } from '../../src/core/address/address.ts';
import { DEFAULT_TIMEOUTS } from '../../src/core/model/state.ts';
import * as contract from '../../src/dataplane/bpf/contract.generated.ts';
import { readVerdicts } from '../../src/dataplane/bpf/counters.ts';
import { publishService } from '../../src/dataplane/bpf/publish.ts';
import { Sweeper } from '../../src/dataplane/bpf/sweep.ts';
import { blankTcpFrame, readEntrance, skbContext } from '../support/test-run.ts';
import { keysIn, openProbe, type Probe, SMALL } from './probe.ts';

/** Lower than the number of half-open connections that the flags make, so that the oldest are driven out. */
const HALF_OPEN = 6_000;
/** How often each CPU may have its share until something of every kind has happened. */
const MOST_ROUNDS = 5;

const [mode, packets = '0', pinDir] = process.argv.slice(2);

/** Frames that enter by eth0; the probe writes addresses, ports and flags. */
function churn(probe: Probe): void {
  const { ifindex, mac } = readEntrance('eth0');
  const run = { repeat: Number(packets), context: skbContext({ ifindex }) };
  probe.bpf.runPacket(probe.programs.churn, blankTcpFrame(mac), run);
}

/** What a walk of the table finds. */
function walk(probe: Probe) {
  const found = { live: 0, active: 0, inactive: 0, templates: 0, half_open: 0, claimed: 0 };
  for (const [, { head }] of probe.tables.connections4.range(0, probe.tables.connections4.size)) {
    const state = Number(head.word & 0xfn);
    if (state === contract.WEIR_STATE_CLAIMED) found.claimed++;
    if (state < contract.WEIR_STATE_NONE) continue;
    found.live++;
    const halfOpen = [contract.WEIR_STATE_SYN_RECV, contract.WEIR_STATE_SYN_SENT, contract.WEIR_STATE_SYNACK];
    if (halfOpen.includes(state)) found.half_open++;
    const active = state === contract.WEIR_STATE_ESTABLISHED || halfOpen.includes(state);
    if (state === contract.WEIR_STATE_TEMPLATE) found.templates++;
    else found[active ? 'active' : 'inactive']++;
  }
  return found;
}

/** What the counters say. */
function counted(probe: Probe) {
  const server = probe.tables.servers.get(0);
  const tally = probe.tables.tally.get(0);
  return {
    live: Number(tally.connections4),
    active: server.active,
    inactive: server.inactive,
    templates: server.templates,
    half_open: Number(tally.half_open),
    keys: keysIn(probe.tables.keys4),
  };
}

async function drive(): Promise<void> {
  const probe = openProbe(SMALL);
  // 1,000 ms at a pretended 10 jiffies a second: connections live for 10 jiffies, and expire while packets come.
  const brief = Object.fromEntries(Object.keys(DEFAULT_TIMEOUTS).map((state) => [state, 1_000]));
  publishService(
    { ...probe.publisher, hz: 10 },
    {
      protocol: 'tcp',
      address: parseAddress('203.0.113.100')!,
      port: 80,
      scheduler: 'wlc',
      timeouts: brief as unknown as typeof DEFAULT_TIMEOUTS,
      // Two clients each: four, so two templates.
      ...(mode === 'persist' && { persistence: { timeout: 1_000, granularity: 31 } }),
      servers: [{ address: parseAddress('192.168.1.101')!, port: 80, weight: 1 }],
    },
  );
  probe.tables.settings.set(0, { ...probe.tables.settings.get(0), half_open_limit: HALF_OPEN });
  const sweeper = new Sweeper(probe.tables, new Set([0]));
  const differences: string[] = [];
  let lowest = 0;
  /** Looks at which there were templates. */
  let remembered = 0;
  const own = fileURLToPath(import.meta.url);
  const self = [...process.execArgv, own, 'churn', packets, dirname(probe.tables.directory)];
  const share = (_: unknown, cpu: number) =>
    promisify(execFile)('taskset', ['-c', String(cpu), process.execPath, ...self]);
  const work = async (): Promise<void> => {
    // On a machine that is busy otherwise the sweep may keep up with the packets, so that the table is never full.
    for (let round = 0; round < MOST_ROUNDS; round++) {
      await Promise.all(cpus().map(share));
      const seen = readVerdicts(probe.tables);
      if (['reused', 'reclaimed', 'half_open_evicted'].every((name) => seen[name]! > 0)) return;
    }
  };
  let running = true;
  const done = work().finally(() => {
    running = false;
  });
  let expiredMeanwhile = 0;
  for (let turn = 0; running; turn++) {
    if (mode === 'persist') probe.tables.memberships.set(0, Math.min(1, turn % 4));
    const report = sweeper.slice();
    differences.push(...report.differences);
    expiredMeanwhile += report.expired;
    const { active, inactive, templates } = probe.tables.servers.get(0);
    if (templates > 0) remembered++;
    lowest = Math.min(lowest, active, inactive, templates, Number(probe.tables.tally.get(0).half_open));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await done;
  probe.tables.memberships.set(0, 1);
  const quiet = { walked: walk(probe), counted: counted(probe) };
  while (Number(probe.tables.tally.get(0).connections4) > 0) {
    differences.push(...sweeper.slice().differences);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const empty = { walked: walk(probe), counted: counted(probe) };
  const traffic = probe.tables.serverTraffic.get(0).reduce((sum, cpu) => sum + Number(cpu.conns), 0);
  const verdicts = readVerdicts(probe.tables);
  console.log(
    JSON.stringify({
      quiet,
      empty,
      lowest,
      differences,
      remembered,
      conns: traffic,
      verdicts,
      expiredMeanwhile,
    }),
  );
  probe.close();
}

if (mode === 'churn') {
  const probe = openProbe(SMALL, pinDir);
  churn(probe);
  probe.close();
} else {
  await drive();
}

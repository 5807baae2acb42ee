/**
 * What a director costs: processor time per operation of everything in the lab, in relation to plain routing, peers
 * side by side in one run; what single packets cost, and very many health checks. Usage: run.ts [--rounds N] [--seconds S]
 * [--only keep-alive,short,bulk,udp,packets,checks] [--peers weir,nftables,haproxy,nginx] [--json FILE]
 */
import { writeFile } from 'node:fs/promises';
import { LabError } from '../src/lab/command.ts';
import { type Lab, withLab } from '../src/lab/lab.ts';
import { describeBars, judge } from './bars.ts';
import { describeChecks, measureChecks } from './checks/measure.ts';
import { labTime, passed } from './cpu.ts';
import { haproxy } from './directors/haproxy.ts';
import { nftables } from './directors/nftables.ts';
import { nginxStream } from './directors/nginx.ts';
import { plainRouting } from './directors/plain.ts';
import { weir, weirIsBuilt } from './directors/weir.ts';
import { untilAnswered } from './load/load.ts';
import { describeMachine, readMachine } from './machine.ts';
import { takeRound } from './measure.ts';
import { describePackets, measurePackets } from './packet/measure.ts';
import type { Round } from './ratios.ts';
import { type Document, describeRound, describeRow, type RowResult, rowDocument } from './report.ts';
import { allRows } from './rows.ts';
import { afterwards, expectedSeconds, readSettings, type Settings } from './settings.ts';

/** Says when somebody else is at work on this machine: their time is left out, but they disturb all the same. */
async function checkQuiet(): Promise<void> {
  const before = labTime([]);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const { others, total } = passed(before, labTime([]));
  const warning = others / total > 0.05 ? ': NOT QUIET, expect a wide spread' : '';
  console.log(`others      ${((100 * others) / total).toFixed(1)} % busy before the start${warning}`);
}

/** Starts the real servers, and lets closed connections go soon on every host. */
async function startServers(lab: Lab, settings: Settings): Promise<void> {
  for (const host of [lab.director, ...lab.clients, ...lab.servers])
    await lab.sysctl(host, {
      'net.ipv4.ip_local_port_range': '1024 65535',
      // With thousands of short connections a second, ports held for 60 s each would run out and searching for
      // a free one would cost more each round.
      'net.ipv4.tcp_max_tw_buckets': 1000,
      'net.core.somaxconn': 4096,
    });
  for (const serve of new Set(settings.rows.map(({ load }) => load.serve))) await serve(lab);
  const base = plainRouting();
  for (const { load } of settings.rows) {
    await base.start(lab, load);
    await untilAnswered(
      lab,
      load,
      lab.servers.map((_, index) => base.target(lab, index)),
    );
    await base.stop(lab);
  }
}

async function measureRows(lab: Lab, settings: Settings): Promise<RowResult[]> {
  const base = plainRouting();
  const peers = settings.peers.map(({ name }) => name);
  const total = (settings.rounds + 1) * settings.rows.length;
  const afterRows = afterwards(settings);
  const start = performance.now();
  let done = 0;
  const results: RowResult[] = [];
  // Row after row: the first turn after a change of load is dearer than the next, which would make the base dearer.
  for (const row of settings.rows) {
    const rounds: Round[] = [];
    for (let number = 0; number <= settings.rounds; number += 1) {
      const round = await takeRound(lab, base, settings.peers, row, settings.seconds);
      if (number > 0) rounds.push(round);
      done += 1;
      const left = ((performance.now() - start) / done / 1000) * (total - done) + afterRows;
      const label = number === 0 ? 'warming up' : `round ${number}/${settings.rounds}`;
      console.log(`${label.padEnd(11)} ${row.name}: ${describeRound(round)} (${left.toFixed(0)} s left)`);
    }
    results.push({ row, peers, rounds });
  }
  return results;
}

type Traffic = Pick<Document, 'congestion_control' | 'versions'> & { readonly results: readonly RowResult[] };

async function measureTraffic(settings: Settings): Promise<Traffic> {
  if (settings.rows.length === 0) return { congestion_control: null, versions: {}, results: [] };
  return await withLab({ prefix: 'weirbench', routeToServers: true }, async (lab) => {
    const versions: Record<string, string> = {};
    for (const peer of settings.peers) versions[peer.name.split(' ')[0]!] = await peer.version(lab);
    const congestion = await lab.run(lab.clients[0]!, ['sysctl', '-n', 'net.ipv4.tcp_congestion_control']);
    for (const [name, version] of Object.entries(versions)) console.log(`${name.padEnd(11)} ${version}`);
    console.log(`TCP         congestion control ${congestion.trim()}`);
    await startServers(lab, settings);
    await checkQuiet();
    const results = await measureRows(lab, settings);
    return { congestion_control: congestion.trim(), versions, results };
  });
}

async function bench(settings: Settings): Promise<void> {
  const needsWeir = settings.packets || settings.peers.some((peer) => peer.name === 'weir');
  if (needsWeir && !weirIsBuilt()) throw new LabError('dist/weir.js is missing; run make build first');
  const machine = readMachine();
  console.log(describeMachine(machine).join('\n'));
  console.log(`time        about ${Math.ceil(expectedSeconds(settings) / 60)} minutes`);
  const { results, ...traffic } = await measureTraffic(settings);
  if (settings.packets) console.log('single packets …');
  const packets = settings.packets ? await measurePackets() : null;
  if (settings.checks) console.log('health checks …');
  const checks = settings.checks ? await measureChecks() : null;
  for (const result of results) console.log(['', ...describeRow(result)].join('\n'));
  if (packets !== null) console.log(['', ...describePackets(packets)].join('\n'));
  if (checks !== null) console.log(['', ...describeChecks(checks)].join('\n'));
  if (results.length > 0) {
    const verdicts = results.map(({ row, rounds }) => [row.name, judge(row.bar, rounds)] as const);
    console.log(['', ...describeBars(verdicts)].join('\n'));
  }
  if (settings.json !== undefined) {
    const { seconds } = settings;
    const document: Document = {
      ...machine,
      seconds,
      ...traffic,
      rows: results.map(rowDocument),
      packets,
      checks,
    };
    await writeFile(settings.json, `${JSON.stringify(document, null, 2)}\n`);
  }
}

try {
  const peers = [weir(), nftables(), haproxy(), nginxStream()];
  await bench(readSettings(process.argv.slice(2), { rows: allRows(), peers }));
} catch (error) {
  console.error(error instanceof LabError ? `bench: ${error.message}` : error);
  process.exitCode = 1;
}

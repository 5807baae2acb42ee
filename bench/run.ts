/**
 * What a director costs: processor time per request of everything in the lab, in relation to plain routing, peers side
 * by side in one run. Usage: run.ts [--rounds N] [--seconds S] [--only keep-alive,short] [--peers a,b] [--json FILE]
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { LabError } from '../src/lab/command.ts';
import { withLab } from '../src/lab/lab.ts';
import { labTime, passed } from './cpu.ts';
import type { Director } from './directors/director.ts';
import { haproxy } from './directors/haproxy.ts';
import { nftables } from './directors/nftables.ts';
import { plainRouting } from './directors/plain.ts';
import { weir, weirIsBuilt } from './directors/weir.ts';
import { startServers, untilAnswered } from './load.ts';
import { takeRound } from './measure.ts';
import type { Round } from './ratios.ts';
import { describeBar, describeMachine, describeRound, describeRow, type RowResult } from './report.ts';
import { type Row, rows } from './rows.ts';

interface Settings {
  /** Rounds that count; one more is run before them and dropped. */
  readonly rounds: number;
  /** Of load in each turn. */
  readonly seconds: number;
  readonly rows: readonly Row[];
  readonly peers: readonly Director[];
  readonly json?: string;
}

function pick<T extends { readonly name: string }>(
  all: readonly T[],
  wanted: string | undefined,
  what: string,
): T[] {
  if (wanted === undefined) return [...all];
  return wanted.split(',').map((name) => {
    const found = all.find((each) => each.name.split(' ')[0] === name);
    if (found !== undefined) return found;
    throw new LabError(
      `${what}: there is no ${JSON.stringify(name)}; one or more of ${all.map((each) => each.name.split(' ')[0]).join(',')}`,
    );
  });
}

function wholeNumber(text: string, flag: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new LabError(`${flag} takes a whole number from 1 to 9999, not ${JSON.stringify(text)}`);
}

function readSettings(): Settings {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '9' },
      seconds: { type: 'string', default: '2' },
      only: { type: 'string' },
      peers: { type: 'string' },
      json: { type: 'string' },
    },
  });
  const peers = pick([weir(), nftables(), haproxy()], values.peers, '--peers');
  if (!weirIsBuilt() && peers.some((peer) => peer.name === 'weir'))
    throw new LabError(
      'dist/weir.js is missing; run make build first, or leave weir out with --peers nftables,haproxy',
    );
  return {
    rounds: wholeNumber(values.rounds, '--rounds'),
    seconds: wholeNumber(values.seconds, '--seconds'),
    rows: pick(rows, values.only, '--only'),
    peers,
    ...(values.json === undefined ? {} : { json: values.json }),
  };
}

/** Says when somebody else is at work on this machine: their time is left out, but they disturb all the same. */
async function checkQuiet(): Promise<void> {
  const before = labTime([]);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const { others, total } = passed(before, labTime([]));
  const warning = others / total > 0.05 ? ': NOT QUIET, expect a wide spread' : '';
  console.log(`others      ${((100 * others) / total).toFixed(1)} % busy before the start${warning}`);
}

async function bench(settings: Settings): Promise<void> {
  const base = plainRouting();
  const results = await withLab({ prefix: 'weirbench', routeToServers: true }, async (lab) => {
    const versions: Record<string, string> = {};
    for (const peer of settings.peers) versions[peer.name.split(' ')[0]!] = await peer.version(lab);
    const congestion = await lab.run(lab.clients[0]!, ['sysctl', '-n', 'net.ipv4.tcp_congestion_control']);
    console.log(describeMachine(versions, congestion.trim()).join('\n'));
    await startServers(lab);
    await base.start(lab);
    await untilAnswered(
      lab,
      lab.servers.map((_, index) => base.target(lab, index)),
    );
    await base.stop(lab);
    await checkQuiet();

    const total = (settings.rounds + 1) * settings.rows.length;
    const start = performance.now();
    let done = 0;
    const measured: RowResult[] = [];
    // Row after row: the first turn after a change of load is dearer than the next, which would make the base dearer.
    for (const row of settings.rows) {
      const rounds: Round[] = [];
      for (let number = 0; number <= settings.rounds; number += 1) {
        const round = await takeRound(lab, base, settings.peers, row, settings.seconds);
        if (number > 0) rounds.push(round);
        done += 1;
        const left = ((performance.now() - start) / done / 1000) * (total - done);
        const label = number === 0 ? 'warming up' : `round ${number}/${settings.rounds}`;
        console.log(`${label.padEnd(11)} ${row.name}: ${describeRound(round)} (${left.toFixed(0)} s left)`);
      }
      measured.push({ row, rounds });
    }
    return { versions, rows: measured };
  });
  for (const result of results.rows) console.log(['', ...describeRow(result)].join('\n'));
  console.log(['', ...results.rows.map(describeBar)].join('\n'));
  if (settings.json !== undefined) {
    const { versions, rows: measured } = results;
    const document = { date: new Date().toISOString(), seconds: settings.seconds, versions, rows: measured };
    await writeFile(settings.json, `${JSON.stringify(document, null, 2)}\n`);
  }
}

try {
  await bench(readSettings());
} catch (error) {
  console.error(error instanceof LabError ? `bench: ${error.message}` : error);
  process.exitCode = 1;
}

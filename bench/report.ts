/** The bench's tables, progress lines and verdict. */
import { cpus, release, totalmem } from 'node:os';
import { againstBase, baseAgainstItself, baseDifference, median, type Round, type Spread } from './ratios.ts';
import type { Row } from './rows.ts';

/** The result of one row. */
export interface RowResult {
  readonly row: Row;
  /** Without the first round, which only warms up. */
  readonly rounds: readonly Round[];
}

/** Weir is to cost at most this much of plain routing. */
const bar = 1.03;

const ratio = (value: number): string => value.toFixed(3);

/** The machine and the versions, one line each. */
export function describeMachine(
  versions: Readonly<Record<string, string>>,
  congestionControl: string,
): string[] {
  const processors = cpus();
  const memory = (totalmem() / 2 ** 30).toFixed(0);
  return [
    `date        ${new Date().toISOString()}`,
    `kernel      ${release()}, congestion control ${congestionControl}`,
    `processors  ${processors.length} × ${processors[0]?.model ?? 'unknown'}, ${memory} GiB`,
    ...Object.entries(versions).map(([name, version]) => `${name.padEnd(11)} ${version}`),
  ];
}

/** One line for a round that has just ended. */
export function describeRound(round: Round): string {
  const base = (round.bases[0].microseconds + round.bases[1].microseconds) / 2;
  const peers = Object.entries(round.peers)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { microseconds }]) => `${name} ${ratio(microseconds / base)}`);
  const again = round.bases[1].microseconds / round.bases[0].microseconds;
  return [`base ${base.toFixed(1)} µs`, `again ${ratio(again)}`, ...peers].join(', ');
}

function tableLine(name: string, spread: Spread): string {
  return `  ${name.padEnd(24)} ${ratio(spread.median)}   ${ratio(spread.min)} – ${ratio(spread.max)}`;
}

/** The table of a row. */
export function describeRow({ row, rounds }: RowResult): string[] {
  const all = rounds.flatMap((round) => [...round.bases, ...Object.values(round.peers)]);
  const percent = (part: number): string => `${(part * 100).toFixed(0)} %`;
  const names = Object.keys(rounds[0]?.peers ?? {}).sort();
  const base = median(rounds.flatMap((round) => round.bases.map((each) => each.microseconds)));
  const requests = median(all.map((each) => each.requests));
  return [
    `${row.title}: processor time per request ÷ plain routing's (${rounds.length} rounds)`,
    `  ${''.padEnd(24)} median  min – max`,
    ...names.map((name) => tableLine(name, againstBase(rounds, name))),
    tableLine('plain routing again', baseAgainstItself(rounds)),
    `  plain routing ${base.toFixed(1)} µs; about ${requests.toFixed(0)} requests a turn; processors ${percent(median(all.map((each) => each.load)))} busy, ${percent(median(all.map((each) => each.others)))} by others, ${percent(median(all.map((each) => each.stolen)))} stolen`,
  ];
}

/** Whether Weir keeps the bar in a row: at most 1.03 × plain routing, or what two turns of that differ by, and below nftables. */
export function describeBar({ row, rounds }: RowResult): string {
  const names = Object.keys(rounds[0]?.peers ?? {});
  if (!names.includes('weir')) return `${row.name}: weir was not measured`;
  const weir = againstBase(rounds, 'weir').median;
  const itself = 1 + baseDifference(rounds);
  const nftables = names.includes('nftables')
    ? againstBase(rounds, 'nftables').median
    : Number.POSITIVE_INFINITY;
  const kept = weir <= bar ? 'yes' : weir <= itself ? `no, but within the base's own ${ratio(itself)}` : 'NO';
  return `${row.name}: weir ${ratio(weir)} ≤ ${bar} × plain routing: ${kept}; below nftables (${ratio(nftables)}): ${weir < nftables ? 'yes' : 'NO'}`;
}

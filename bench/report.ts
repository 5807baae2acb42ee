/** The bench's tables, progress lines and JSON. */
import { judge, type Verdict } from './bars.ts';
import type { CheckMeasures } from './checks/measure.ts';
import type { Machine } from './machine.ts';
import type { PacketMeasures } from './packet/measure.ts';
import { againstBase, baseAgainstItself, median, type Round, type Spread } from './ratios.ts';
import type { Row } from './rows.ts';

/** The result of one row. */
export interface RowResult {
  readonly row: Row;
  /** All names of the run, also of those that do not have the row's protocol. */
  readonly peers: readonly string[];
  /** Without the first round, which only warms up. */
  readonly rounds: readonly Round[];
}

const ratio = (value: number): string => value.toFixed(3);

/** The ratio of each peer; null when it does not have the row's protocol. */
function peerRatios({ peers, rounds }: RowResult): [string, Spread | null][] {
  const measured = rounds[0]?.peers ?? {};
  return [...peers].sort().map((name) => [name, name in measured ? againstBase(rounds, name) : null]);
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

function tableLine(name: string, spread: Spread | null): string {
  if (spread === null) return `  ${name.padEnd(24)} –`;
  return `  ${name.padEnd(24)} ${ratio(spread.median)}   ${ratio(spread.min)} – ${ratio(spread.max)}`;
}

/** The table of a row. */
export function describeRow(result: RowResult): string[] {
  const { row, rounds } = result;
  const all = rounds.flatMap((round) => [...round.bases, ...Object.values(round.peers)]);
  const percent = (part: number): string => `${(part * 100).toFixed(0)} %`;
  const base = median(rounds.flatMap((round) => round.bases.map((each) => each.microseconds)));
  const operations = median(all.map((each) => each.operations));
  const { operation } = row.load;
  return [
    `${row.title}: processor time per ${operation} ÷ plain routing's (${rounds.length} rounds)`,
    `  ${''.padEnd(24)} median  min – max`,
    ...peerRatios(result).map(([name, spread]) => tableLine(name, spread)),
    tableLine('plain routing again', baseAgainstItself(rounds)),
    `  plain routing ${base.toFixed(1)} µs per ${operation}, ${operations.toFixed(0)} a turn (median of all); processors ${percent(median(all.map((each) => each.load)))} busy, ${percent(median(all.map((each) => each.others)))} by others, ${percent(median(all.map((each) => each.stolen)))} stolen`,
  ];
}

/** A row in JSON. */
export interface RowDocument {
  readonly name: string;
  readonly title: string;
  /** What is counted: `request`, `MiB`, `answer`. */
  readonly operation: string;
  /** Processor time per operation in relation to plain routing's; null when a peer cannot do it. */
  readonly ratios: Readonly<Record<string, Spread | null>>;
  /** The second turn of plain routing over the first. */
  readonly again: Spread;
  readonly verdict: Verdict | null;
  readonly rounds: readonly Round[];
}

/** A run in JSON. */
export interface Document extends Machine {
  readonly seconds: number;
  readonly congestion_control: string | null;
  readonly versions: Readonly<Record<string, string>>;
  readonly rows: readonly RowDocument[];
  /** Null when single packets were not measured. */
  readonly packets: PacketMeasures | null;
  /** Null when health checks were not measured. */
  readonly checks: CheckMeasures | null;
}

/** A row as it goes into the document. */
export function rowDocument(result: RowResult): RowDocument {
  const { row, rounds } = result;
  return {
    name: row.name,
    title: row.title,
    operation: row.load.operation,
    ratios: Object.fromEntries(peerRatios(result)),
    again: baseAgainstItself(rounds),
    verdict: judge(row.bar, rounds) ?? null,
    rounds,
  };
}

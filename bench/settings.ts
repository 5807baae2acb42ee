/** The bench's command line. */
import { parseArgs } from 'node:util';
import { LabError } from '../src/lab/command.ts';
import { checksSeconds } from './checks/measure.ts';
import type { Director } from './directors/director.ts';
import { packetSeconds } from './packet/measure.ts';
import type { Row } from './rows.ts';

/** What is measured. */
export interface Settings {
  /** Rounds that count; one more is run before them and dropped. */
  readonly rounds: number;
  /** Of load in each turn. */
  readonly seconds: number;
  readonly rows: readonly Row[];
  /** Whether single packets are measured as well. */
  readonly packets: boolean;
  /** Whether health checks are measured as well. */
  readonly checks: boolean;
  readonly peers: readonly Director[];
  readonly json?: string;
}

/** What there is to choose from. */
export interface Choices {
  readonly rows: readonly Row[];
  readonly peers: readonly Director[];
}

/** The rows that are not of traffic. */
const packets = { name: 'packets' } as const;
const checks = { name: 'checks' } as const;

function pick<T extends { readonly name: string }>(
  all: readonly T[],
  wanted: string | undefined,
  what: string,
): T[] {
  if (wanted === undefined) return [...all];
  const shortName = (each: T): string => each.name.split(' ')[0]!;
  return wanted.split(',').map((name) => {
    const found = all.find((each) => shortName(each) === name);
    if (found !== undefined) return found;
    throw new LabError(
      `${what}: there is no ${JSON.stringify(name)}; one or more of ${all.map(shortName).join(',')}`,
    );
  });
}

function wholeNumber(text: string, flag: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new LabError(`${flag} takes a whole number from 1 to 9999, not ${JSON.stringify(text)}`);
}

/** Reads the command line; throws a LabError for a value, and a TypeError for a flag, that is not known. */
export function readSettings(argv: readonly string[], choices: Choices): Settings {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      rounds: { type: 'string', default: '8' },
      seconds: { type: 'string', default: '2' },
      only: { type: 'string' },
      peers: { type: 'string' },
      json: { type: 'string' },
    },
  });
  const all = [...choices.rows, packets, checks];
  const names = new Set(pick(all, values.only, '--only').map(({ name }) => name));
  return {
    rounds: wholeNumber(values.rounds, '--rounds'),
    seconds: wholeNumber(values.seconds, '--seconds'),
    rows: choices.rows.filter(({ name }) => names.has(name)),
    packets: names.has(packets.name),
    checks: names.has(checks.name),
    peers: pick(choices.peers, values.peers, '--peers'),
    ...(values.json === undefined ? {} : { json: values.json }),
  };
}

/** Seconds of what is measured after the traffic. */
export function afterwards({ packets, checks }: Pick<Settings, 'packets' | 'checks'>): number {
  return (packets ? packetSeconds : 0) + (checks ? checksSeconds : 0);
}

/** Seconds that a turn takes besides its load: starting a director, seeing that it works, stopping it. */
const turnSeconds = 0.4;

/** How long a run takes, about, in seconds. */
export function expectedSeconds({ rounds, seconds, rows, peers, ...parts }: Settings): number {
  const turns = (row: Row): number =>
    2 + peers.filter((peer) => peer.protocols.includes(row.load.service.protocol)).length;
  const all = rows.reduce((sum, row) => sum + turns(row), 0) * (rounds + 1);
  return all * (seconds + turnSeconds) + afterwards(parts);
}

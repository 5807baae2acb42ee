/** One turn of a director, and the rounds made of turns. */
import { LabError } from '../src/lab/command.ts';
import type { Lab } from '../src/lab/lab.ts';
import { labTime, passed } from './cpu.ts';
import type { Director } from './directors/director.ts';
import { type Load, untilAnswered } from './load/load.ts';
import { type Measurement, type Round, shuffled } from './ratios.ts';
import type { Row } from './rows.ts';

/** Clock ticks of /proc/stat are 10 ms on every Linux (USER_HZ 100). */
const microsecondsPerTick = 10_000;

/** Errors beyond this part of the operations make a turn worthless. */
const mostErrors = 0.001;

/** Throws unless every real server answers through the director. */
async function checkDistribution(
  lab: Lab,
  director: Director,
  load: Load,
  targets: readonly string[],
): Promise<void> {
  // Several times over: requests that come at the same moment need not be dealt out one by one.
  const seen = new Set(await untilAnswered(lab, load, [...targets, ...targets, ...targets, ...targets]));
  if (seen.size !== lab.servers.length)
    throw new LabError(
      `of ${lab.servers.length} real servers only ${[...seen].join(', ')} answered through ${director.name}`,
    );
}

/** Starts the director, sends the load, stops it; throws a LabError when the director does not do its work. */
export async function takeTurn(
  lab: Lab,
  director: Director,
  row: Row,
  seconds: number,
): Promise<Measurement> {
  const namespaces = [lab.director, ...lab.clients, ...lab.servers].map((host) => host.netns);
  await director.start(lab, row.load);
  try {
    const targets = lab.servers.map((_, index) => director.target(lab, index));
    await checkDistribution(lab, director, row.load, targets);
    const before = labTime(namespaces);
    const { operations, errors } = await row.load.send(lab, targets, seconds);
    const time = passed(before, labTime(namespaces));
    if (operations === 0 || errors > operations * mostErrors)
      throw new LabError(`${director.name}, ${row.title}: ${errors} errors beside ${operations} operations`);
    return {
      operations,
      errors,
      microseconds: (time.busy * microsecondsPerTick) / operations,
      load: time.busy / time.total,
      stolen: time.stolen / time.total,
      others: time.others / time.total,
    };
  } finally {
    await director.stop(lab);
  }
}

/** One round: the base, every peer that has the row's protocol once in random order, the base again. */
export async function takeRound(
  lab: Lab,
  base: Director,
  peers: readonly Director[],
  row: Row,
  seconds: number,
): Promise<Round> {
  const first = await takeTurn(lab, base, row, seconds);
  const measured: Record<string, Measurement> = {};
  const able = peers.filter((peer) => peer.protocols.includes(row.load.service.protocol));
  for (const peer of shuffled(able, Math.random))
    measured[peer.name] = await takeTurn(lab, peer, row, seconds);
  const last = await takeTurn(lab, base, row, seconds);
  return { bases: [first, last], peers: measured };
}

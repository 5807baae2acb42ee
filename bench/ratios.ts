/** From measurements to ratios: what a director costs in comparison with plain routing in the same round. */

/** One turn of one director. */
export interface Measurement {
  /** Need not be a whole number. */
  readonly operations: number;
  readonly errors: number;
  /** Busy time of all processors per operation, in microseconds. */
  readonly microseconds: number;
  /** Busy time in relation to all time, 0–1. */
  readonly load: number;
  /** Stolen time in relation to all time, 0–1. */
  readonly stolen: number;
  /** Time of processes outside the lab in relation to all time, 0–1; not part of `load`. */
  readonly others: number;
}

/** One round of a row: the base first and last, every peer once between. */
export interface Round {
  readonly bases: readonly [Measurement, Measurement];
  /** By name; those that do not have the row's protocol are missing. */
  readonly peers: Readonly<Record<string, Measurement>>;
}

/** Median and extremes of a ratio over the rounds. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** The middle value, or the mean of the two middle ones; NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

function spread(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/** The second turn of the base over the first: what two measurements of one and the same thing differ by. */
export function baseAgainstItself(rounds: readonly Round[]): Spread {
  return spread(rounds.map(({ bases }) => bases[1].microseconds / bases[0].microseconds));
}

/** How far two turns of the base are apart in a usual round, in relation to the first: 0.02 is 2 %. */
export function baseDifference(rounds: readonly Round[]): number {
  return median(rounds.map(({ bases }) => Math.abs(bases[1].microseconds / bases[0].microseconds - 1)));
}

/** A peer over the mean of both turns of the base in the same round. */
export function againstBase(rounds: readonly Round[], peer: string): Spread {
  return spread(
    rounds.map(({ bases, peers }) => {
      const base = (bases[0].microseconds + bases[1].microseconds) / 2;
      return peers[peer]!.microseconds / base;
    }),
  );
}

/** The peers in random order (Fisher and Yates); `random` gives numbers from 0 up to, not including, 1. */
export function shuffled<T>(values: readonly T[], random: () => number): T[] {
  const result = [...values];
  for (let last = result.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [result[last], result[other]] = [result[other]!, result[last]!];
  }
  return result;
}

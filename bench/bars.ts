/** The bars: whether Weir costs no more than it should in a row. */
import { againstBase, baseDifference, type Round } from './ratios.ts';

/** What came of a row's bars. */
export interface Verdict {
  /** Weir is to cost at most this much of plain routing. */
  readonly bar: number;
  readonly weir: number;
  /** What two turns of plain routing differ by in a usual round (A/A), as a ratio of 1 or more. */
  readonly again: number;
  /** `within_again`: above the bar, but by no more than plain routing's own turns differ, so nothing can be told. */
  readonly result: 'met' | 'within_again' | 'missed';
  /** The same of nftables; missing when that was not measured. */
  readonly nftables?: number;
  readonly below_nftables?: boolean;
}

/** The verdict on a row; undefined when Weir was not measured. */
export function judge(bar: number, rounds: readonly Round[]): Verdict | undefined {
  const measured = rounds[0]?.peers ?? {};
  if (!('weir' in measured)) return undefined;
  const weir = againstBase(rounds, 'weir').median;
  const again = 1 + baseDifference(rounds);
  const verdict: Verdict = {
    bar,
    weir,
    again,
    result: weir <= bar ? 'met' : weir <= again ? 'within_again' : 'missed',
  };
  if (!('nftables' in measured)) return verdict;
  const nftables = againstBase(rounds, 'nftables').median;
  return { ...verdict, nftables, below_nftables: weir < nftables };
}

const words = { met: 'met', within_again: 'met within A/A', missed: 'MISSED' } as const;

/** The lines on all rows. */
export function describeBars(verdicts: readonly (readonly [string, Verdict | undefined])[]): string[] {
  const line = ([name, verdict]: readonly [string, Verdict | undefined]): string => {
    if (verdict === undefined) return `  ${name.padEnd(11)} weir was not measured`;
    const { bar, weir, again, result, nftables, below_nftables } = verdict;
    const below =
      nftables === undefined
        ? 'nftables was not measured'
        : `below nftables' ${nftables.toFixed(3)}: ${below_nftables === true ? 'met' : 'MISSED'}`;
    return `  ${name.padEnd(11)} weir ${weir.toFixed(3)} ≤ ${bar.toFixed(2)} × plain routing: ${words[result]} (A/A ${again.toFixed(3)}); ${below}`;
  };
  return [
    'bars; A/A: what two turns of plain routing differ by in a usual round',
    ...verdicts.map((each) => line(each)),
  ];
}

/**
 * Schedulers that choose the server with the least of something: of connections, of expected delay. What each goes by
 * is a fraction, compared by cross-multiplication as ip_vs does, so that nothing is rounded; the first of equals in the
 * configuration's order wins.
 */
import { type Candidate, isAble, type Schedule } from './candidate.ts';

/** ip_vs's measure of load: an active connection counts as 257 inactive ones. */
export function overhead(candidate: Candidate): number {
  return 257 * candidate.active + candidate.inactive;
}

/** What a server costs: `of` ÷ `per`, the latter above 0; undefined for one that is not to be chosen. */
export interface Cost {
  readonly of: number;
  readonly per: number;
}

/** The index of the able server that costs least; undefined when all are not to be chosen. */
export function least(
  candidates: readonly Candidate[],
  costOf: (candidate: Candidate) => Cost | undefined,
): number | undefined {
  let best: { readonly index: number; readonly cost: Cost } | undefined;
  for (const [index, candidate] of candidates.entries()) {
    const cost = isAble(candidate) ? costOf(candidate) : undefined;
    if (cost === undefined) continue;
    if (best === undefined || cost.of * best.cost.per < best.cost.of * cost.per) best = { index, cost };
  }
  return best?.index;
}

/** lc: fewest connections. */
export const lc: Schedule = ({ servers }) => least(servers, (one) => ({ of: overhead(one), per: 1 }));

/** wlc: fewest connections per weight. */
export const wlc: Schedule = ({ servers }) =>
  least(servers, (one) => ({ of: overhead(one), per: one.weight }));

/** Whether a server has more active connections than its weight while another has fewer than half of its own. */
export function isOverloaded(server: Candidate, all: readonly Candidate[]): boolean {
  return server.active > server.weight && all.some(({ active, weight }) => active * 2 < weight);
}

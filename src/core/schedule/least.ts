/** lc and wlc: the server with the least overhead, for wlc per weight; the first of equals in the configuration's order. */
import { type Candidate, eligible, type Schedule } from './candidate.ts';

/** ip_vs's measure of load: an active connection counts as 257 inactive ones. */
export function overhead(candidate: Candidate): number {
  return 257 * candidate.active + candidate.inactive;
}

function least(
  candidates: readonly Candidate[],
  weightOf: (candidate: Candidate) => number,
): number | undefined {
  let best: number | undefined;
  for (const index of eligible(candidates)) {
    const candidate = candidates[index]!;
    const holder = best === undefined ? undefined : candidates[best]!;
    // overhead / weight < the best's, as products, so that nothing is rounded.
    if (
      holder === undefined ||
      overhead(candidate) * weightOf(holder) < overhead(holder) * weightOf(candidate)
    )
      best = index;
  }
  return best;
}

/** Fewest connections. */
export const lc: Schedule = (candidates) => least(candidates, () => 1);

/** Fewest connections per weight. */
export const wlc: Schedule = (candidates) => least(candidates, (candidate) => candidate.weight);

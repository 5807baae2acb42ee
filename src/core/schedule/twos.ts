/**
 * twos, the power of two choices: two servers drawn by weight, and of those the one with the lower overhead per weight.
 *
 * As in ip_vs a draw is a number from 0 to the sum of the weights, both included, so the first server comes up as if its
 * weight were one higher. Where ip_vs asks for random numbers, these come of the turn, mixed: as evenly spread, and the
 * same for the reference and for the C.
 */
import { type Candidate, isAble, type Schedule } from './candidate.ts';
import { mixTurn } from './hash.ts';
import { overhead } from './least.ts';

/** The first server up to which the weights come to `draw`; the last one's sum is the highest draw there is. */
function drawn(servers: readonly Candidate[], draw: number): number {
  let sum = 0;
  return servers.findIndex((server) => {
    if (!isAble(server)) return false;
    sum += server.weight;
    return sum >= draw;
  });
}

/** Two draws, the second one's server only if it has less to do. */
export const twos: Schedule = ({ servers, state }) => {
  const total = servers.filter(isAble).reduce((sum, { weight }) => sum + weight, 0);
  if (total === 0) return undefined;
  const [first, second] = mixTurn(state.turns++).map((chance) => drawn(servers, chance % (total + 1)));
  const [one, other] = [servers[first!]!, servers[second!]!];
  return overhead(other) * one.weight < overhead(one) * other.weight ? second : first;
};

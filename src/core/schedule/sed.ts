/** sed, shortest expected delay: the fewest active connections per weight, the one to come counted with them. */
import type { Candidate, Schedule } from './candidate.ts';
import { type Cost, least } from './least.ts';

/** How long the next connection would wait for this server, in connections per weight. */
export function expectedDelay(candidate: Candidate): Cost {
  return { of: candidate.active + 1, per: candidate.weight };
}

/** The server with the shortest expected delay. */
export const sed: Schedule = ({ servers }) => least(servers, expectedDelay);

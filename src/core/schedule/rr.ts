/** rr: one after the other, in the order of the configuration; weights above 0 are all alike. */
import { eligible, type Schedule } from './candidate.ts';

/** Turn `n` goes to the n-th eligible server, beginning again at the end. */
export const rr: Schedule = ({ servers, state }) => {
  const able = eligible(servers);
  return able[state.turns++ % able.length];
};

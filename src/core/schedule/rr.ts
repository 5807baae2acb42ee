/** rr: one after the other, in the order of the configuration; weights above 0 are all alike. */
import { eligible, lookOn, type Schedule } from './candidate.ts';

/** Turn `n` goes to the n-th eligible server, beginning again at the end. */
export const rr: Schedule = (service) => {
  const able = eligible(service.servers);
  return lookOn(service, able.length, (turn) => able[turn % able.length]!);
};

/** nq, never queue: a server without an active connection if there is one, otherwise as sed. */
import type { Schedule } from './candidate.ts';
import { least } from './least.ts';
import { expectedDelay } from './sed.ts';

/** An idle server costs nothing, so that the first of them wins. */
export const nq: Schedule = ({ servers }) =>
  least(servers, (one) => (one.active === 0 ? { of: 0, per: 1 } : expectedDelay(one)));

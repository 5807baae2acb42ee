/** Which listed connections a plane that is succeeded need not finish. */
import type { Connection } from '../core/model/connection.ts';

/** Both sides have closed it so long ago that nothing of it is under way any more, in milliseconds. */
const SETTLED_MS = 10_000;

/** Whether a connection is over: in TIME_WAIT, which lasts `timeWaitMs`, for some seconds. */
export const isOver = ({ state, expires_ms }: Connection, timeWaitMs: number): boolean =>
  state === 'TIME_WAIT' && expires_ms < timeWaitMs - SETTLED_MS;

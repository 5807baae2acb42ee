/** Which programs of exec checks run, in memory that outlives the thread that has started them: whoever ends the thread ends them. */
import type { GroupWatch } from '../kernel/process-group.ts';
import { MAX_IN_FLIGHT } from './runner.ts';

/** Programs that were killed are there until they have ended. */
const PLACES = 2 * MAX_IN_FLIGHT;

/** The memory for one thread. */
export const groupMemory = (): SharedArrayBuffer =>
  new SharedArrayBuffer(PLACES * Int32Array.BYTES_PER_ELEMENT);

/** Notes each group while it runs; without memory nobody is to know. */
export function noteGroups(memory: SharedArrayBuffer | undefined): GroupWatch {
  if (memory === undefined) return () => () => {};
  const places = new Int32Array(memory);
  return (pid) => {
    const at = places.indexOf(0);
    if (at >= 0) Atomics.store(places, at, pid);
    return () => {
      if (at >= 0) Atomics.store(places, at, 0);
    };
  };
}

/** The groups that were running when the thread ended. */
export const groupsIn = (memory: SharedArrayBuffer): readonly number[] => [
  ...new Int32Array(memory).filter((pid) => pid !== 0),
];

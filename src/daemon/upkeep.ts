/** What goes on beside the loop: connections expire in slices, counters are audited, route changes are noticed. */
import type { KernelPlane } from '../dataplane/port.ts';
import { routesDigest } from '../kernel/netlink/route.ts';
import type { Log } from '../observe/log.ts';

/** Between two slices of the sweep, and between two passes over the table, in milliseconds. */
const SLICE_PAUSE_MS = 20;
const PASS_PAUSE_MS = 1_000;
/** Between two looks at the routes, in milliseconds: a digest of some hundred routes takes less than one. */
const ROUTES_PAUSE_MS = 2_000;

/**
 * Starts the upkeep; the returned function ends it. What fails is said in the log, once for as long as it fails alike,
 * and tried again at its next time.
 * `retireAfterMs` says how long a plane of another layout may last.
 */
export function startUpkeep(plane: KernelPlane, log: Log, retireAfterMs: () => number): () => void {
  let timer: NodeJS.Timeout;
  let retirement: NodeJS.Timeout | undefined;
  const failing = new Map<string, string>();
  const guarded = <T>(task: string, act: () => T): T | undefined => {
    try {
      const done = act();
      if (failing.delete(task)) log.info('upkeep_goes_on', { task });
      return done;
    } catch (error) {
      const { message } = error as Error;
      if (failing.get(task) !== message) log.error('upkeep_failed', { task, error });
      failing.set(task, message);
      return undefined;
    }
  };
  const slice = () => {
    const report = guarded('sweep', () => plane.sweep());
    for (const difference of report?.differences ?? []) log.error('counters_differ', { difference });
    timer = setTimeout(slice, report?.completed === false ? SLICE_PAUSE_MS : PASS_PAUSE_MS);
  };
  timer = setTimeout(slice, SLICE_PAUSE_MS);

  const told = new Set<string>();
  const retire = () => {
    const report = guarded('retire', () => plane.retireSlice(retireAfterMs()));
    for (const gone of report?.retired ?? []) log.info('plane_retired', { ...gone });
    const left = plane.retiring(retireAfterMs());
    for (const one of left)
      if (one.connections !== null && !told.has(one.layout)) {
        told.add(one.layout);
        log.info('plane_retiring', { ...one });
      }
    if (left.length > 0)
      retirement = setTimeout(retire, report?.completed === false ? SLICE_PAUSE_MS : PASS_PAUSE_MS);
  };
  retire();

  let digest = guarded('routes', routesDigest);
  const routes = setInterval(() => {
    const now = guarded('routes', routesDigest);
    if (now === undefined || now === digest) return;
    digest = now;
    plane.routesChanged();
    log.info('routes_changed');
  }, ROUTES_PAUSE_MS);

  return () => {
    clearTimeout(timer);
    clearTimeout(retirement);
    clearInterval(routes);
  };
}

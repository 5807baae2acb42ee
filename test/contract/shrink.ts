/** Makes a failing sequence of events small: fewer events, then plainer ones. */
import type { Event } from './events.ts';

/** Runs that a shrinking may take. */
const MOST_RUNS = 400;

/** The smallest sequence found that still fails. `fails` is asked some hundred times. */
export function shrink(events: readonly Event[], fails: (events: readonly Event[]) => boolean): Event[] {
  let runs = 0;
  const stillFails = (candidate: readonly Event[]): boolean => runs++ < MOST_RUNS && fails(candidate);
  let best = [...events];
  for (let size = Math.ceil(best.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2))
    // From the end on: what comes last has failed, what comes first is most often for nothing.
    for (let from = best.length - size; from > -size; from -= size) {
      const without = best.filter((_, i) => i < from || i >= from + size);
      if (stillFails(without)) best = without;
    }
  for (let i = 0; i < best.length; i++) {
    let plainer: Event | undefined;
    do {
      plainer = plainerThan(best[i]!).find((one) => stillFails(best.with(i, one)));
      if (plainer !== undefined) best = best.with(i, plainer);
    } while (plainer !== undefined);
  }
  return best;
}

/** What is plainer than the event in one thing. */
function plainerThan(event: Event): Event[] {
  if (event.kind !== 'segment' && event.kind !== 'error') return [];
  const less = event.damage.map((_, i) => ({ ...event, damage: event.damage.filter((_, j) => j !== i) }));
  if (event.kind === 'error') return less;
  const plain = { payload: 0, options: 0, toZero: false, ttl: 64, dontFragment: false };
  const isPlain = (name: keyof typeof plain) => event[name] === plain[name];
  const names = (Object.keys(plain) as (keyof typeof plain)[]).filter((name) => !isPlain(name));
  return [...less, ...names.map((name) => ({ ...event, [name]: plain[name] }))];
}

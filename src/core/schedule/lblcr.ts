/**
 * lblcr, lblc with replication: a destination has a set of servers, of which the least loaded gets the connection. When
 * that one is overloaded while another server is half idle, the set gets one more; when it has not changed for a day,
 * its most loaded server leaves it.
 */
import { type Candidate, isAble, type Request, type Schedule } from './candidate.ts';
import { isOverloaded, overhead, wlc } from './least.ts';
import { type Locality, nameOf, recall, remember } from './locality.ts';

const isLighter = (a: Candidate, b: Candidate): boolean => overhead(a) * b.weight < overhead(b) * a.weight;

/** The one that is beaten by nobody; the first of equals. */
function best(
  set: readonly Candidate[],
  beats: (a: Candidate, b: Candidate) => boolean,
): Candidate | undefined {
  const able = set.filter(({ weight }) => weight > 0);
  return able.reduce<Candidate | undefined>(
    (holder, one) => (holder === undefined || beats(one, holder) ? one : holder),
    undefined,
  );
}

/** Takes the most loaded server out of a set that has not changed for a day. */
function thin(locality: Locality, set: readonly Candidate[], { now, day }: Request): void {
  if (set.length <= 1 || now - locality.modified <= day) return;
  const most = best(set, (a, b) => isLighter(b, a));
  if (most === undefined) return;
  locality.servers = locality.servers.filter((name) => name !== nameOf(most));
  locality.modified = now;
}

/** The least loaded of the destination's set, or one more for it by wlc. */
export const lblcr: Schedule = (service, request) => {
  const { servers, state } = service;
  const locality = recall(state.localities, request.destination, request);
  if (locality !== undefined) {
    const byName = new Map(servers.map((one) => [nameOf(one), one]));
    const set = locality.servers.flatMap((name) => byName.get(name) ?? []);
    const chosen = best(set.filter(isAble), isLighter);
    thin(locality, set, request);
    if (chosen !== undefined && !isOverloaded(chosen, servers)) return servers.indexOf(chosen);
  }
  const chosen = wlc(service, request);
  if (chosen === undefined) return undefined;
  const name = nameOf(servers[chosen]!);
  if (locality === undefined) remember(state.localities, request.destination, name, request.now);
  else if (!locality.servers.includes(name)) {
    locality.servers = [name, ...locality.servers];
    locality.modified = request.now;
  }
  return chosen;
};

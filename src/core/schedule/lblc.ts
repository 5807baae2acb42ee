/**
 * lblc, locality-based least connections: all connections to one destination go to one server, the least loaded at first,
 * until it is overloaded while another is half idle. Meant for caches behind a service of many addresses.
 */
import { isAble, type Schedule } from './candidate.ts';
import { isOverloaded, wlc } from './least.ts';
import { nameOf, recall, remember } from './locality.ts';

/** The destination's server, or a new one for it by wlc. */
export const lblc: Schedule = (service, request) => {
  const { servers, state } = service;
  const [held] = recall(state.localities, request.destination, request)?.servers ?? [];
  const holder = servers.findIndex((one) => isAble(one) && nameOf(one) === held);
  if (holder >= 0 && !isOverloaded(servers[holder]!, servers)) return holder;
  const chosen = wlc(service, request);
  if (chosen !== undefined)
    remember(state.localities, request.destination, nameOf(servers[chosen]!), request.now);
  return chosen;
};

/** What an operator has said of a server, over what is configured. */
import type { ServiceKey } from './service.ts';

/** `up`: as configured. `drain`: no new connections but of clients that it is remembered for. `down`: out of its service. */
export const ADMIN_STATES = ['up', 'drain', 'down'] as const;
export type AdminState = (typeof ADMIN_STATES)[number];

/** One server of one service that is not as configured. */
export interface Override {
  readonly service: ServiceKey;
  /** The server's endpoint in text. */
  readonly server: string;
  readonly state: Exclude<AdminState, 'up'>;
  /** ISO 8601, UTC. */
  readonly since: string;
  /** The operator's own words; absent for none. */
  readonly reason?: string;
  /** Only of `drain`: when it becomes `down`. ISO 8601, UTC; absent for never. */
  readonly deadline?: string;
  /** Only of `down`: it was drained until a deadline, and that has passed. */
  readonly overdue?: true;
}

/** By service and server; services without any are absent. */
export type Overrides = ReadonlyMap<ServiceKey, ReadonlyMap<string, Override>>;

export const NO_OVERRIDES: Overrides = new Map();

/** All overrides in a list. */
export function listOverrides(overrides: Overrides): readonly Override[] {
  return [...overrides.values()].flatMap((servers) => [...servers.values()]);
}

/** A list as overrides; of two for the same server the later one counts. */
export function overridesOf(list: readonly Override[]): Overrides {
  const all = new Map<ServiceKey, Map<string, Override>>();
  for (const one of list) {
    const servers = all.get(one.service) ?? new Map<string, Override>();
    all.set(one.service, servers.set(one.server, one));
  }
  return all;
}

/** What is asked of servers; `up` takes back what was asked before. */
export interface AdminChange {
  readonly servers: readonly Pick<Override, 'service' | 'server'>[];
  readonly state: AdminState;
  readonly since: string;
  readonly reason?: string;
  /** Only with `drain`. */
  readonly deadline?: string;
}

/** The overrides after a change. A server that already is what is asked keeps its time. */
export function withChange(overrides: Overrides, change: AdminChange): Overrides {
  const { servers, state, since, reason, deadline } = change;
  const same = (a: Pick<Override, 'service' | 'server'>, b: Pick<Override, 'service' | 'server'>) =>
    a.service === b.service && a.server === b.server;
  const before = listOverrides(overrides);
  const others = before.filter((one) => !servers.some((server) => same(one, server)));
  if (state === 'up') return overridesOf(others);
  const changed = servers.map(({ service, server }): Override => {
    const was = before.find((one) => same(one, { service, server }));
    const from = was?.state === state ? was.since : since;
    return {
      service,
      server,
      state,
      since: from,
      ...(reason !== undefined && { reason }),
      ...(state === 'drain' && deadline !== undefined && { deadline }),
    };
  });
  return overridesOf([...others, ...changed]);
}

/** The overrides at `now`, ISO 8601 in UTC: who was to be drained until then is disabled since its deadline. `ended` are those, as they were. */
export function withDeadlines(
  overrides: Overrides,
  now: string,
): { readonly overrides: Overrides; readonly ended: readonly Override[] } {
  const list = listOverrides(overrides);
  const isOver = ({ deadline }: Override) =>
    deadline !== undefined && Date.parse(deadline) <= Date.parse(now);
  const ended = list.filter(isOver);
  if (ended.length === 0) return { overrides, ended };
  const after = list.map((one): Override => {
    if (!isOver(one)) return one;
    const { deadline, ...rest } = one;
    return { ...rest, state: 'down', since: deadline!, overdue: true };
  });
  return { overrides: overridesOf(after), ended };
}

/** For people: `drained since 2026-11-22T14:03:00Z (new disks)`. */
export function overrideText({ state, since, reason, deadline, overdue }: Override): string {
  const what = state === 'drain' ? 'drained' : overdue ? 'its drain is over: disabled' : 'disabled';
  const until = deadline === undefined ? '' : ` until ${deadline.slice(0, 19)}Z`;
  return `${what} since ${since.slice(0, 19)}Z${until}${reason === undefined ? '' : ` (${reason})`}`;
}

/** All services and servers in a few numbers: whether anybody has to look closer. */
import type { ServiceCounters } from '../model/counters.ts';
import type { ServiceKey } from '../model/service.ts';
import type { ServerStatus } from './status.ts';

/** Services, servers and present connections, counted. What is only finishing its connections is none of them. */
export interface Tally {
  readonly services: number;
  /** Those in which no server takes new connections, the sorry server aside. */
  readonly without_server: readonly ServiceKey[];
  readonly servers: {
    readonly all: number;
    /** Their weight is more than 0. */
    readonly serving: number;
    /** Drained or disabled by an operator. */
    readonly held: number;
    /** Down by their checks. */
    readonly down: number;
    /** Weight 0 for another reason, such as the configuration. */
    readonly weightless: number;
  };
  /** In ESTABLISHED, and in any other state; those of servers that are leaving count too. */
  readonly connections: { readonly active: number; readonly inactive: number };
}

type Part = Exclude<keyof Tally['servers'], 'all'>;

function partOf({ weight, factors, health }: ServerStatus): Part {
  if (factors.some(({ name, value }) => name === 'admin' && value === 0)) return 'held';
  if (weight > 0) return 'serving';
  return health?.verdict === 'down' ? 'down' : 'weightless';
}

/** Counts what the director lists. */
export function tallyOf(services: readonly ServiceCounters[], listed: readonly ServerStatus[]): Tally {
  const there = services.filter(({ leaving }) => !leaving);
  const servers = listed.filter(({ leaving, sorry }) => !leaving && sorry !== true);
  const served = new Set(servers.filter(({ weight }) => weight > 0).map(({ service }) => service));
  const parts: Record<Part, number> = { serving: 0, held: 0, down: 0, weightless: 0 };
  for (const one of servers) parts[partOf(one)]++;
  const all = services.flatMap((service) => service.servers);
  return {
    services: there.length,
    without_server: there.map(({ key }) => key).filter((key) => !served.has(key)),
    servers: { all: servers.length, ...parts },
    connections: {
      active: all.reduce((sum, { active }) => sum + active, 0),
      inactive: all.reduce((sum, { inactive }) => sum + inactive, 0),
    },
  };
}

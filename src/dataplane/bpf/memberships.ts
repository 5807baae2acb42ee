/**
 * Which servers are in their service's publication: templates that lead to others are void. A server leaves before the
 * publication without it, and joins after the one with it: cut short in between, clients of servers that stay are
 * scheduled anew, and none is sent to a server that has left.
 */
import { formatEndpoint } from '../../core/address/address.ts';
import type { RealServer, VirtualService } from '../../core/model/service.ts';
import { WEIR_MEMBER_ABLE, WEIR_MEMBER_NONE, WEIR_MEMBER_QUIESCENT } from './contract.generated.ts';
import type { Registry, ServerEntry, ServiceEntry } from './registry.ts';
import type { Tables } from './tables.ts';

/** The tables, and who has which numbers in them. */
interface Held {
  readonly tables: Tables;
  readonly registry: Registry;
}

/**
 * Puts out the servers that the service is about to be published without: all of them when it is removed, and always
 * the sorry server, to which no template leads.
 */
export function dismiss({ tables }: Held, entry: ServiceEntry, service?: VirtualService): void {
  const staying = new Set(service?.servers.map(formatEndpoint));
  const gone = [...entry.servers].filter(([endpoint]) => !staying.has(endpoint));
  // Those that left with an earlier publication are out already.
  write(
    tables,
    gone.map(([, server]) => [server, WEIR_MEMBER_NONE] as const).filter(([server]) => isInside(server)),
  );
}

/** What stands for a server that is inside. */
export function membershipOf({ weight }: Pick<RealServer, 'weight'>): number {
  return weight === 0 ? WEIR_MEMBER_QUIESCENT : WEIR_MEMBER_ABLE;
}

/** Lets in all servers of the service, which has been published. */
export function admit({ tables }: Held, { servers }: ServiceEntry, service: VirtualService): void {
  write(
    tables,
    service.servers.map((server) => [servers.get(formatEndpoint(server))!, membershipOf(server)]),
  );
}

/** Puts right what a process that was cut short has left: the memberships of what is published. */
export function restoreMemberships({ tables, registry }: Held): void {
  const wanted = new Map<number, number>();
  for (const entry of registry.byId.values())
    if (entry.published)
      for (const server of entry.service.servers)
        wanted.set(entry.servers.get(formatEndpoint(server))!.id, membershipOf(server));
  for (const [id, membership] of tables.memberships.range(0, tables.memberships.size)) {
    const right = wanted.get(id) ?? WEIR_MEMBER_NONE;
    if (membership !== right) tables.memberships.set(id, right);
  }
}

/** Numbers that are given out anew keep `-Infinity` until their publication, and so are not inside. */
const isInside = ({ leftAt }: ServerEntry): boolean => leftAt === undefined;

function write(tables: Tables, servers: readonly (readonly [ServerEntry, membership: number])[]): void {
  const sorted = servers.toSorted(([a], [b]) => a.id - b.id);
  for (const { first, length, from } of neighbours(sorted.map(([{ id }]) => id)))
    tables.memberships.setRun(
      first,
      sorted.slice(from, from + length).map(([, membership]) => membership),
    );
}

/** Stretches of numbers that follow one another, each with its place in the list. */
export function neighbours(ids: readonly number[]): { first: number; length: number; from: number }[] {
  const runs: { first: number; length: number; from: number }[] = [];
  ids.forEach((id, from) => {
    const last = runs.at(-1);
    if (last !== undefined && last.first + last.length === id) last.length++;
    else runs.push({ first: id, length: 1, from });
  });
  return runs;
}

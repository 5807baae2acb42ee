/**
 * Which servers are in their service's publication: templates that lead to others are void. A server leaves before the
 * publication without it, and joins after the one with it: cut short in between, clients of servers that stay are
 * scheduled anew, and none is sent to a server that has left. And which servers are gone, in the publication or not:
 * connections to them end (bpf/gone.h).
 */
import { formatEndpoint } from '../../core/address/address.ts';
import type { VirtualService } from '../../core/model/service.ts';
import {
  WEIR_MEMBER_ABLE,
  WEIR_MEMBER_GONE,
  WEIR_MEMBER_NONE,
  WEIR_MEMBER_QUIESCENT,
} from './contract.generated.ts';
import type { Registry, ServerEntry, ServiceEntry } from './registry.ts';
import type { Tables } from './tables.ts';

/** The tables, and who has which numbers in them. */
interface Held {
  readonly tables: Tables;
  readonly registry: Registry;
}

/**
 * Puts out the servers that the service is about to be published without: all of them when it is removed, and always
 * the sorry server, to which no template leads. Of a service that is removed those that are gone stay gone.
 */
export function dismiss({ tables }: Held, entry: ServiceEntry, service?: VirtualService): void {
  const staying = new Set(service?.servers.map(formatEndpoint));
  const wanted = membershipsIn({ servers: [], gone: (service ?? entry.service).gone });
  const before = membershipsIn({ servers: [], gone: entry.service.gone });
  const leaving = [...entry.servers]
    // Those that left with an earlier publication are out already.
    .filter(
      ([name, server]) => !staying.has(name) && (isInside(server) || before(server) !== WEIR_MEMBER_NONE),
    )
    .map(([, server]) => [server, wanted(server)] as const);
  write(tables, leaving);
}

/** What stands for each server under a publication. */
export function membershipsIn({
  servers,
  gone = [],
}: Pick<VirtualService, 'servers'> & { readonly gone?: VirtualService['gone'] | undefined }): (
  server: Pick<ServerEntry, 'endpoint'>,
) => number {
  const all = new Map<string, number>();
  for (const server of servers)
    all.set(formatEndpoint(server), server.weight === 0 ? WEIR_MEMBER_QUIESCENT : WEIR_MEMBER_ABLE);
  for (const endpoint of gone) all.set(formatEndpoint(endpoint), WEIR_MEMBER_GONE);
  return ({ endpoint }) => all.get(formatEndpoint(endpoint)) ?? WEIR_MEMBER_NONE;
}

/**
 * Lets in all servers of the service, which has been published, and lets each connection look once more whose server may
 * be gone now: one that a packet opens meanwhile by the publication before has the epoch before, or meets the sweep.
 */
export function admit({ tables }: Held, entry: ServiceEntry, service: VirtualService): void {
  const membership = membershipsIn(service);
  const gone = new Set(service.gone?.map(formatEndpoint));
  const inside = service.servers.map((server) => entry.servers.get(formatEndpoint(server))!);
  const outside = [...entry.servers.values()].filter(
    (server) => gone.has(formatEndpoint(server.endpoint)) && !inside.includes(server),
  );
  write(
    tables,
    [...inside, ...outside].map((server) => [server, membership(server)]),
  );
  for (const endpoint of entry.service.gone ?? []) gone.delete(formatEndpoint(endpoint));
  if (gone.size > 0) raiseEpoch(tables);
}

/** Has each connection look once at what is new: its next hops, and whether its server is gone. */
export function raiseEpoch({ settings }: Tables): void {
  settings.change({ route_epoch: (settings.get(0).route_epoch + 1) % 256 });
}

/** Puts right what a process that was cut short has left: the memberships of what is published. */
export function restoreMemberships({ tables, registry }: Held): void {
  const wanted = new Map<number, number>();
  for (const { published, service, servers } of registry.byId.values()) {
    const membership = membershipsIn(published ? service : { servers: [], gone: service.gone });
    const sorry = service.sorry_server && servers.get(formatEndpoint(service.sorry_server));
    for (const server of servers.values()) if (server !== sorry) wanted.set(server.id, membership(server));
  }
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

/** Next hops, both ways, asked once a connection and again when routes have changed: the reference for bpf/route.h. */
import { isLive } from './connection.ts';
import type { Direction } from './state.ts';
import type { NextHop, TrackedConnection, World } from './world.ts';

/** Both ways of a connection. */
export type Ways = Pick<TrackedConnection, 'toServer' | 'toClient'>;

/** The ends that ways lead to. */
type Ends = Pick<TrackedConnection, 'client' | 'virtual' | 'protocol' | 'server'>;

/**
 * The ways to server and client, for a packet that comes in by `ifindex` from the given side. Undefined when one of
 * them leads nowhere, or both lead the same way: then the client pretends to be in the servers' network.
 */
export function findWays(world: World, ends: Ends, ifindex: number, direction: Direction): Ways | undefined {
  const { protocol, client, virtual, server } = ends;
  const route = (from: number, source: Uint8Array, target: Uint8Array): NextHop | undefined =>
    world.surroundings.route({ ifindex: from, source, target, protocol });
  let toServer: NextHop | undefined;
  let toClient: NextHop | undefined;
  if (direction === 'in') {
    toServer = route(ifindex, client, server.address);
    toClient = toServer && route(toServer.ifindex, virtual, client);
  } else {
    toClient = route(ifindex, virtual, client);
    toServer = toClient && route(toClient.ifindex, client, server.address);
  }
  if (toServer === undefined || toClient === undefined || toServer.ifindex === toClient.ifindex)
    return undefined;
  return { toServer, toClient };
}

/** Looks a connection's ways up again if routes have changed since; it keeps its old ones if they lead nowhere, or to nobody. */
export function refreshWays(
  world: World,
  connection: TrackedConnection,
  ifindex: number,
  direction: Direction,
): void {
  if (connection.routeEpoch === world.routeEpoch || !isLive(world, connection)) return;
  if (connection.server.gone) return;
  const ways = findWays(world, connection, ifindex, direction);
  if (ways !== undefined) Object.assign(connection, ways, { routeEpoch: world.routeEpoch });
}

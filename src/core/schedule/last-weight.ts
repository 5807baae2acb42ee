/**
 * A server's last weight above 0, which ip_vs keeps for mh: a server drained by weight 0 keeps its places in the table,
 * so that the clients of the others stay where they are.
 */
import { formatEndpoint } from '../address/address.ts';
import type { RealServer } from '../model/service.ts';

/** The last weights of a service's servers, in their order. `before` is the publication before with its last weights. */
export function lastWeights(
  servers: readonly RealServer[],
  before: { readonly servers: readonly RealServer[]; readonly lastWeights: readonly number[] },
): readonly number[] {
  // Without a drained server nothing is to be remembered.
  if (servers.every(({ weight }) => weight > 0)) return servers.map(({ weight }) => weight);
  const old = new Map(before.servers.map((server, i) => [formatEndpoint(server), before.lastWeights[i]]));
  return servers.map((server) =>
    server.weight > 0 ? server.weight : (old.get(formatEndpoint(server)) ?? 0),
  );
}

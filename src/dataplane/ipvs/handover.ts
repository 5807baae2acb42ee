/** ip_vs before and after the eBPF plane (docs/decisions/0027). That one comes first on each interface, and decides what ip_vs gets. */
import { formatEndpoint } from '../../core/address/address.ts';
import type { Connection } from '../../core/model/connection.ts';
import type { ServiceKey } from '../../core/model/service.ts';
import { isOver } from '../over.ts';
import type { Handover } from '../port.ts';
import { listConnections } from './connections.ts';
import type { ServiceRecord } from './record.ts';

/** ip_vs's TIME_WAIT, which cannot be set (tcp_timeouts in ip_vs_proto_tcp.c), in milliseconds. */
const TIME_WAIT_MS = 120_000;

/** The handover of Weir's services in ip_vs; `list` gives the connections that pass, by default the kernel's. */
export function openHandover(
  { services }: Pick<ServiceRecord, 'services'>,
  list: typeof listConnections = listConnections,
): Handover {
  const isOwn = ({ protocol, virtual }: Connection): boolean =>
    services.has(`${protocol} ${formatEndpoint(virtual)}` as ServiceKey) ||
    services.has(`${protocol} ${formatEndpoint({ ...virtual, port: 0 })}` as ServiceKey);
  return {
    wait: () => {},
    lead: () => {},
    yield: () => {},
    alone: () => {},
    // Its connections can be entered by none but its own packets, and by the sync daemon's messages.
    adopt: async (connections) => {
      const counts = { connections: 0, templates: 0, left: 0, forgotten: 0 };
      for await (const chunk of connections)
        for (const { state } of chunk) counts[state === 'TEMPLATE' ? 'forgotten' : 'left']++;
      return counts;
    },
    own: () => list((one) => isOwn(one) && !isOver(one, TIME_WAIT_MS)),
  };
}

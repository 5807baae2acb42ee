/** The kernel's own ip_vs as a data plane: its table, of which the services that Weir has made are Weir's. */
import { mkdirSync } from 'node:fs';
import { formatEndpoint } from '../../core/address/address.ts';
import { type ServiceKey, serviceKey, type VirtualService } from '../../core/model/service.ts';
import { lockDirectory } from '../../kernel/lock.ts';
import type { KernelPlane } from '../port.ts';
import type { ListedService } from './codec/values.ts';
import { listConnections, passing } from './connections.ts';
import { countersOf } from './counters.ts';
import { damageOf } from './difference.ts';
import { openIpvs, openRecord } from './open.ts';
import { clear, hasTimeouts, publish, removeOwn, sweepService, type Table } from './publish.ts';
import type { ServiceRecord } from './record.ts';

/** What the plane is opened with. */
export interface IpvsPlaneOptions {
  /** Where the record of Weir's services lies; made, for its owner alone, if it is not there. */
  readonly recordDir: string;
  /** Why it is this plane, where another was asked for at first; for the description. */
  readonly because?: string;
  /** Default: ip_vs itself, its module loaded if need be. */
  readonly openTable?: () => Table;
}

/**
 * Opens ip_vs's table and finds what of it is Weir's. Throws `IpvsUnavailable`, an Error when another weir works on the
 * record, or a KernelError (EPERM without CAP_NET_ADMIN).
 */
export function openIpvsPlane({ recordDir, because, openTable = openIpvs }: IpvsPlaneOptions): KernelPlane {
  const table = openTable();
  let unlock: (() => void) | undefined;
  try {
    mkdirSync(recordDir, { recursive: true, mode: 0o700 });
    unlock = lockDirectory(recordDir);
    if (unlock === undefined)
      throw new Error(`another weir works on ${recordDir}; stop it first, or choose another --state-dir`);
    return makePlane(table, openRecord(recordDir), unlock, because);
  } catch (error) {
    table.close();
    unlock?.();
    throw error;
  }
}

function makePlane(
  table: Table,
  record: ServiceRecord,
  unlock: () => void,
  because: string | undefined,
): KernelPlane {
  const { version, conn_tab_size } = table.info();
  const found = record.services.size;
  /** Services among which the sweep looks for connections that have ended; those that nothing is leaving drop out. */
  const swept = new Set(record.services.keys());
  let closed = false;
  return {
    kind: 'ipvs',
    description:
      `ip_vs plane: ip_vs ${version}, ${conn_tab_size} rows for connections, ` +
      `${found === 0 ? 'none of its services ours yet' : `${found} of its services found ours`}${because === undefined ? '' : `; ${because}`}`,
    // The kernel does not say what its table takes.
    kernelMemory: 0,
    observe: () => ({ interfaces: new Map(), forwarding: 'stack', ...observe(table, record) }),
    publishService: (service) => {
      publish(table, record, service);
      swept.add(serviceKey(service));
    },
    removeService: (key) => {
      const own = record.services.get(key);
      if (own === undefined) return;
      if (!own.leaving) record.leave(key);
      clear(table, record, key, own.service);
      swept.add(key);
    },
    // ip_vs is on every interface, and all that it forwards goes by the stack.
    setForwarding: () => {},
    attach: () => {},
    detach: () => {},
    counters: () => countersOf(ownServices(table, record)),
    // ip_vs does not count what it does not forward.
    verdicts: () => ({}),
    connections: (filter) => listConnections(passing(filter, new Set(record.services.keys()))),
    // ip_vs's connections expire by timers of their own; only what was there for them is left to be taken away.
    sweep: () => {
      let walked = 0;
      for (const key of swept) {
        const own = record.services.get(key);
        walked += 1;
        if (own === undefined || !sweepService(table, record, key, own)) swept.delete(key);
      }
      return { walked, expired: 0, completed: true, differences: [] };
    },
    routesChanged: () => {},
    succeed: () => [],
    retiring: () => [],
    retireSlice: () => ({ completed: true, retired: [] }),
    close: () => {
      if (closed) return;
      closed = true;
      record.close();
      table.close();
      unlock();
    },
    destroy: () => {
      removeOwn(table, record);
      closed = true;
      table.close();
      unlock();
    },
  };
}

/** Weir's services that the table has, each with what it has of it. */
function ownServices(table: Table, record: ServiceRecord) {
  const listed = new Map<string, ListedService>();
  for (const one of table.listServices())
    if ('protocol' in one.id) listed.set(`${one.id.protocol} ${formatEndpoint(one.id)}`, one);
  return [...record.services].flatMap(([key, own]) => {
    const service = listed.get(key);
    return service === undefined
      ? []
      : [{ key, ...own, found: { service, servers: table.listServers(service.id) } }];
  });
}

function observe(table: Table, record: ServiceRecord) {
  const services = new Map<ServiceKey, VirtualService>();
  const damaged = new Map<ServiceKey, string>();
  const timeouts = table.getTimeouts();
  const complained = new Set<string>();
  for (const { key, service, leaving, found } of ownServices(table, record)) {
    if (leaving) continue;
    services.set(key, service);
    const words = damageOf(service, found);
    if (words !== undefined) damaged.set(key, words);
    // All services share them: one that is published again puts them right for all.
    else if (!complained.has(service.protocol) && !hasTimeouts(timeouts, service)) {
      complained.add(service.protocol);
      const { tcp, tcp_fin, udp } = timeouts;
      damaged.set(key, `time-outs of ip_vs ${tcp} ${tcp_fin} ${udp} s (tcp tcpfin udp)`);
    }
  }
  return { services, damaged };
}

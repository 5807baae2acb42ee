/** The kernel's own ip_vs as a data plane: its table, of which the services that Weir has made are Weir's. */
import { mkdirSync } from 'node:fs';
import { type ServiceKey, serviceKey } from '../../core/model/service.ts';
import { lockDirectory } from '../../kernel/lock.ts';
import type { KernelPlane } from '../port.ts';
import { listConnections, passing } from './connections.ts';
import { countersOf } from './counters.ts';
import { openHandover } from './handover.ts';
import { openInspector } from './inspect.ts';
import { openModules } from './modules.ts';
import { modulesOf, openIpvs, openRecord } from './open.ts';
import { clear, find, listAll, publish, removeOwn, sweepService, type Table } from './publish.ts';
import type { ServiceRecord } from './record.ts';
import { observeDaemons, syncDaemonHands } from './sync-daemons.ts';

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

/** Services that the sweep looks at before the event loop gets its turn. */
const SWEPT_AT_ONCE = 100;

function firstOf<T>(set: ReadonlySet<T>, most: number): readonly T[] {
  const first: T[] = [];
  for (const one of set) {
    if (first.length === most) break;
    first.push(one);
  }
  return first;
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
  const inspector = openInspector(table, record);
  const withModules = openModules();
  let closed = false;
  return {
    kind: 'ipvs',
    description:
      `ip_vs plane: ip_vs ${version}, ${conn_tab_size} rows for connections, ` +
      `${found === 0 ? 'none of its services ours yet' : `${found} of its services found ours`}${because === undefined ? '' : `; ${because}`}`,
    // The kernel does not say what its table takes.
    kernelMemory: 0,
    modules: modulesOf,
    inspect: (leave) => inspector.look(leave),
    observe: () => ({
      interfaces: new Map(),
      forwarding: 'stack',
      syncDaemons: observeDaemons(table, record),
      ...inspector.observe(),
    }),
    syncDaemons: syncDaemonHands(table, record),
    publishService: (service) => {
      const key = serviceKey(service);
      swept.add(key);
      let whole = false;
      try {
        publish(table, record, service, withModules);
        whole = true;
      } finally {
        inspector.published(key, whole);
      }
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
    counters: (of) => countersOf(ownServices(table, record, of)),
    // ip_vs does not count what it does not forward.
    verdicts: () => ({}),
    connections: (filter) => {
      const own = filter.service && record.services.get(filter.service)?.service;
      return listConnections(passing(filter, new Set(record.services.keys()), own?.servers));
    },
    // ip_vs's connections expire by timers of their own; only what was there for them is left to be taken away.
    sweep: () => {
      const some = firstOf(swept, SWEPT_AT_ONCE);
      const completed = some.length === swept.size;
      for (const key of some) {
        swept.delete(key);
        const own = record.services.get(key);
        // Behind the others: there may be more than one slice of them.
        if (own !== undefined && sweepService(table, record, key, own)) swept.add(key);
      }
      return { walked: some.length, expired: 0, completed, differences: [] };
    },
    handover: openHandover(record),
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

/** Weir's services that the table has, all or those of these keys, each with what it has of it. */
function ownServices(table: Table, record: ServiceRecord, of?: ReadonlySet<ServiceKey>) {
  const listed = listAll(table);
  return [...record.services].flatMap(([key, own]) => {
    if (of?.has(key) === false) return [];
    const found = find(table, own.service, listed);
    return found === undefined ? [] : [{ key, ...own, found }];
  });
}

/** Services into ip_vs's table and out of it, one at a time, each change recorded before it is made. */
import type { ServiceKey, VirtualService } from '../../core/model/service.ts';
import { KernelError } from '../../kernel/errors.ts';
import { type IpvsTimeouts, ipvsServiceText, type ListedService } from './codec/values.ts';
import { changesFor, type Found, isIdle, isLeaving, type TableChange } from './difference.ts';
import type { WithModules } from './modules.ts';
import type { ServiceRecord } from './record.ts';
import { stopOwnDaemons } from './sync-daemons.ts';
import type { IpvsTable } from './table.ts';
import { beyondIpvs, ipvsIdOf, ipvsTimeoutsOf } from './translate.ts';

/** What the plane needs of ip_vs. */
export type Table = Pick<
  IpvsTable,
  | 'listServices'
  | 'getService'
  | 'listServers'
  | 'addService'
  | 'setService'
  | 'delService'
  | 'addServer'
  | 'setServer'
  | 'delServer'
  | 'getTimeouts'
  | 'setTimeouts'
  | 'info'
  | 'listDaemons'
  | 'startDaemon'
  | 'stopDaemon'
  | 'close'
>;

/** ESRCH, ENOENT: what was to be removed has gone already. */
function delIfThere(del: () => void): void {
  try {
    del();
  } catch (error) {
    if (!(error instanceof KernelError) || (error.code !== 'ESRCH' && error.code !== 'ENOENT')) throw error;
  }
}

/** The services of the table by their names: many with one question. */
export type Listed = ReadonlyMap<string, ListedService>;

/** Asks for all of them. */
export const listAll = (table: Table): Listed =>
  new Map(table.listServices().map((one) => [ipvsServiceText(one.id), one]));

/** A service as the table has it; undefined where it has none. `listed` is what has just been listed, if it was. */
export function find(
  table: Table,
  service: VirtualService,
  listed?: Listed,
): (Found & { readonly service: ListedService }) | undefined {
  const id = ipvsIdOf(service);
  if (listed !== undefined) {
    const there = listed.get(ipvsServiceText(id));
    return there && { service: there, servers: table.listServers(id) };
  }
  try {
    return { service: table.getService(id), servers: table.listServers(id) };
  } catch (error) {
    if (error instanceof KernelError && error.code === 'ESRCH') return undefined;
    throw error;
  }
}

/** Whether ip_vs has the time-outs that a service asks for. */
export const hasTimeouts = (timeouts: IpvsTimeouts, service: VirtualService): boolean =>
  Object.entries(ipvsTimeoutsOf(service)).every(
    ([name, seconds]) => seconds === 0 || timeouts[name as keyof IpvsTimeouts] === seconds,
  );

/** Makes the service as it is to be, whatever of it is there; stops at what the kernel refuses. */
export function publish(
  table: Table,
  record: ServiceRecord,
  service: VirtualService,
  withModules: WithModules,
): void {
  const beyond = beyondIpvs(service);
  if (beyond !== undefined) throw new Error(`${beyond}; the bpf plane can do that (dataplane: bpf)`);
  const timeouts = table.getTimeouts();
  record.publish(service);
  if (!hasTimeouts(timeouts, service)) {
    record.keepTimeouts(timeouts);
    table.setTimeouts(ipvsTimeoutsOf(service));
  }
  for (const change of changesFor(service, find(table, service))) apply(table, service, change, withModules);
}

function apply(table: Table, service: VirtualService, change: TableChange, withModules: WithModules): void {
  const id = ipvsIdOf(service);
  switch (change.kind) {
    case 'add_service':
      withModules(change.service, () => table.addService(change.service));
      break;
    case 'set_service':
      withModules(change.service, () => table.setService(change.service));
      break;
    case 'add_server':
      table.addServer(id, change.server);
      break;
    case 'set_server':
      table.setServer(id, change.server);
      break;
    case 'del_server':
      delIfThere(() => table.delServer(id, change.server));
      break;
  }
}

/** Takes a service away that is not to be there, as far as its connections let it: what is left gets no new ones. */
export function clear(table: Table, record: ServiceRecord, key: ServiceKey, service: VirtualService): void {
  const left = find(table, service);
  const isDone = left === undefined || left.servers.every(isIdle);
  const lingers = left?.servers.filter((server) => !isIdle(server)) ?? [];
  const canWait = lingers.length > 0 && isLingering(service);
  if (isDone || !canWait) {
    delIfThere(() => table.delService(ipvsIdOf(service)));
    record.forget(key);
    return;
  }
  for (const server of left.servers)
    if (isIdle(server)) delIfThere(() => table.delServer(ipvsIdOf(service), server));
    else if (server.weight !== 0) table.setServer(ipvsIdOf(service), { ...server, weight: 0 });
}

/** A service that is leaving sends nobody anywhere new at weight 0, unless templates do. */
const isLingering = ({ persistence }: VirtualService): boolean =>
  persistence === undefined || persistence.expire_quiescent_template === true;

/** Takes away what has no connections any more; false when nothing is left that is leaving. */
export function sweepService(
  table: Table,
  record: ServiceRecord,
  key: ServiceKey,
  { service, leaving }: { readonly service: VirtualService; readonly leaving: boolean },
): boolean {
  if (leaving) {
    clear(table, record, key, service);
    return record.services.has(key);
  }
  let waiting = false;
  for (const server of table.listServers(ipvsIdOf(service))) {
    if (!isLeaving(server, service)) continue;
    if (isIdle(server)) delIfThere(() => table.delServer(ipvsIdOf(service), server));
    else waiting = true;
  }
  return waiting;
}

/** Removes what is Weir's of ip_vs's table, and the record of it; others' services stay. */
export function removeOwn(table: Table, record: ServiceRecord): void {
  for (const { service } of record.services.values()) delIfThere(() => table.delService(ipvsIdOf(service)));
  if (record.timeouts !== undefined) table.setTimeouts(record.timeouts);
  stopOwnDaemons(table, record);
  record.delete();
}

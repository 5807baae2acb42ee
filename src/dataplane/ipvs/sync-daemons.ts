/** ip_vs's sync daemons, of which those that Weir has started are Weir's. */
import { familyOf } from '../../core/address/address.ts';
import {
  type SyncDaemon,
  type SyncDaemons,
  type SyncRole,
  syncDaemonText,
} from '../../core/model/sync-daemon.ts';
import { KernelError } from '../../kernel/errors.ts';
import type { SyncDaemonHands } from '../port.ts';
import type { IpvsDaemon } from './codec/values.ts';
import type { ServiceRecord } from './record.ts';
import type { IpvsTable } from './table.ts';

/** What of the table they need. */
export type DaemonTable = Pick<IpvsTable, 'listDaemons' | 'startDaemon' | 'stopDaemon'>;

const ipvsDaemonOf = (daemon: SyncDaemon): IpvsDaemon => ({
  state: daemon.role,
  mcast_interface: daemon.interface,
  sync_id: daemon.sync_id,
  mcast_group: daemon.group,
  mcast_port: daemon.port,
  mcast_ttl: daemon.ttl,
  ...(daemon.max_length !== undefined && { sync_maxlen: daemon.max_length }),
});

/** Between which bounds the kernel brings the length of a message (start_sync_thread in ip_vs_sync.c): IP and UDP headers are not counted. */
function takenLength({ role, group, max_length: asked }: SyncDaemon): number | undefined {
  const headers = 8 + (familyOf(group) === 4 ? 20 : 40);
  return asked && Math.min(Math.max(asked, role === 'backup' ? 1_024 : 1), 65_535 - headers);
}

/**
 * A daemon as it runs. The kernel always says a length: of one that was left to it, or that it has brought between its
 * bounds, that is no difference.
 */
function daemonOf(running: IpvsDaemon, wanted: SyncDaemon): SyncDaemon {
  const { mcast_group: group, mcast_port: port, mcast_ttl: ttl, sync_maxlen: longest } = running;
  return {
    role: running.state,
    interface: running.mcast_interface,
    sync_id: running.sync_id,
    group: group ?? wanted.group,
    port: port ?? wanted.port,
    ttl: ttl ?? wanted.ttl,
    ...(wanted.max_length !== undefined &&
      longest !== undefined && {
        max_length: longest === takenLength(wanted) ? wanted.max_length : longest,
      }),
  };
}

const runningAs = (table: DaemonTable, role: SyncRole): IpvsDaemon | undefined =>
  table.listDaemons().find(({ state }) => state === role);

/** ESRCH: it has stopped already. */
function stopIfThere(table: DaemonTable, role: SyncRole): void {
  try {
    table.stopDaemon(role);
  } catch (error) {
    if (!(error instanceof KernelError) || error.code !== 'ESRCH') throw error;
  }
}

/** Starts and stops them, each change recorded before it is made. */
export function syncDaemonHands(table: DaemonTable, record: ServiceRecord): SyncDaemonHands {
  return {
    start: (daemon) => {
      const running = runningAs(table, daemon.role);
      const isSo =
        running !== undefined && syncDaemonText(daemonOf(running, daemon)) === syncDaemonText(daemon);
      if (isSo && record.daemons.has(daemon.role)) return;
      record.startDaemon({ daemon, started: !isSo });
      if (isSo) return;
      if (running !== undefined) table.stopDaemon(daemon.role);
      table.startDaemon(ipvsDaemonOf(daemon));
    },
    stop: (role) => {
      if (record.daemons.get(role)?.started === true) stopIfThere(table, role);
      record.forgetDaemon(role);
    },
  };
}

/** Those that run of the ones that Weir is to have; somebody else's are not looked at. */
export function observeDaemons(table: DaemonTable, record: ServiceRecord): SyncDaemons {
  if (record.daemons.size === 0) return new Map();
  return new Map(
    table.listDaemons().flatMap((running) => {
      const own = record.daemons.get(running.state);
      return own === undefined ? [] : [[running.state, daemonOf(running, own.daemon)] as const];
    }),
  );
}

/** Stops those that Weir has started. */
export function stopOwnDaemons(table: DaemonTable, record: ServiceRecord): readonly SyncRole[] {
  const own = [...record.daemons].flatMap(([role, { started }]) => (started ? [role] : []));
  for (const role of own) stopIfThere(table, role);
  return own;
}

/** ip_vs where it is, and Weir's record of it. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import type { VirtualService } from '../../core/model/service.ts';
import { KernelError } from '../../kernel/errors.ts';
import { loadModule } from '../../kernel/modules.ts';
import { networkNamespaceCookie } from '../../kernel/netns.ts';
import { removeOwn, type Table } from './publish.ts';
import { recordPath, ServiceRecord } from './record.ts';
import { IpvsTable } from './table.ts';

/** This kernel has no ip_vs for us; the message says why. */
export class IpvsUnavailable extends Error {
  override readonly name = 'IpvsUnavailable';
}

/** ip_vs, its module loaded if it was not; throws `IpvsUnavailable` where that cannot be. */
export function openIpvs(): IpvsTable {
  const open = (): IpvsTable | undefined => {
    try {
      return new IpvsTable();
    } catch (error) {
      if (error instanceof KernelError && error.code === 'ENOENT') return undefined;
      throw error;
    }
  };
  const there = open();
  if (there !== undefined) return there;
  const reason = loadModule('ip_vs');
  const table = open();
  if (table !== undefined) return table;
  throw new IpvsUnavailable(
    `this kernel has no ip_vs: ${reason ?? 'its module was loaded, and does not answer here'}. Load it, or boot a kernel that has it`,
  );
}

/** The record for the table of this network namespace. */
export function openRecord(recordDir: string): ServiceRecord {
  mkdirSync(recordDir, { recursive: true, mode: 0o700 });
  return new ServiceRecord(recordDir, {
    boot_id: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    network_namespace: networkNamespaceCookie(),
  });
}

/** Whether Weir has services in ip_vs's table, by the record in a directory; their number. */
export function recordedServices(recordDir: string): number {
  if (!existsSync(recordPath(recordDir))) return 0;
  const record = openRecord(recordDir);
  const { size } = record.services;
  record.close();
  return size;
}

/** Does what `weir down` does of the plane, without opening it; a line for each thing, none where nothing is Weir's. */
export function removeIpvsPlane(recordDir: string, openTable: () => Table = openIpvs): readonly string[] {
  if (!existsSync(recordPath(recordDir))) return [];
  const record = openRecord(recordDir);
  const keys = [...record.services.keys()];
  const daemons = [...record.daemons].flatMap(([role, { started }]) => (started ? [role] : []));
  if (keys.length + daemons.length === 0 && record.timeouts === undefined) {
    record.delete();
    return [];
  }
  const table = openTable();
  try {
    removeOwn(table, record);
  } finally {
    table.close();
  }
  return [
    ...keys.map((key) => `ip_vs: ${key} removed`),
    ...daemons.map((role) => `ip_vs: ${role} sync daemon stopped`),
  ];
}

/** Modules of what these services are made with, by their names, with ip_vs's own. */
export function modulesOf(services: Iterable<VirtualService>): readonly string[] {
  const own = [...services].flatMap(({ scheduler, persistence }) => [
    `ip_vs_${scheduler}`,
    // It knows SIP's messages by conntrack's helper, which modprobe loads with it.
    ...(persistence?.engine === undefined ? [] : [`ip_vs_pe_${persistence.engine}`]),
  ]);
  return ['ip_vs', ...[...new Set(own)].sort()];
}

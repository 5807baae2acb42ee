/** The host that the director runs on: its real network stack. */
import { vipKey } from '../core/model/host.ts';
import { HostError } from './errors.ts';
import {
  addRecordedMasquerade,
  observeMasquerade,
  removeRecordedMasquerade,
  restoreMasquerade,
} from './masquerades.ts';
import { type OriginalsFile, originalsFile } from './originals-file.ts';
import type { Host } from './port.ts';
import { observeSysctls, type RestoreReport, restoreSysctls, setRecordedSysctl } from './sysctls.ts';
import { addRecordedVip, observeVips, removeRecordedVip } from './vips.ts';

/** How to open a host. */
export interface HostOptions {
  /** Directory of `host.json`, the record by which changes are undone; made when first needed, for its owner alone. */
  readonly stateDir: string;
  /** The nft program; by default `nft`, as found in the usual directories. */
  readonly nft?: string;
}

/**
 * Opens the network stack of this process's network namespace. Observing changes nothing, the record included. Changes need
 * root, and must not overlap: there is one writer, the director's loop. Every call may throw a `HostError`, among others
 * where `host.json` is damaged or about another network namespace.
 */
export function openHost({ stateDir, nft = 'nft' }: HostOptions): Host {
  const file = originalsFile(stateDir);
  return {
    observe: async (desired) => {
      const record = file.load();
      return {
        sysctls: observeSysctls(desired.sysctls.keys()),
        vips: observeVips(desired.vips, record),
        masquerade: await observeMasquerade(nft, desired.masquerade, record),
      };
    },
    setSysctl: async (name, value) => setRecordedSysctl(file, name, value),
    addVip: async (vip) => addRecordedVip(file, vip),
    removeVip: async (vip) => {
      removeRecordedVip(file, vip);
    },
    addMasquerade: (rule) => addRecordedMasquerade(file, nft, rule),
    removeMasquerade: (rule) => removeRecordedMasquerade(file, nft, rule),
    restore: () => restoreHost(file, nft),
    close: () => {},
  };
}

/** Undoes all three kinds of change, going on after a failure; what failed stays recorded and is named at the end. */
async function restoreHost(file: OriginalsFile, nft: string): Promise<readonly string[]> {
  const reports: RestoreReport[] = [];
  for (const vip of file.load().vips) {
    reports.push(
      await attempt(() => {
        const removed = removeRecordedVip(file, vip);
        return [`${vipKey(vip)}: ${removed ? 'removed' : 'gone already'}`];
      }),
    );
  }
  reports.push(await attempt(() => restoreMasquerade(file, nft)));
  reports.push(restoreSysctls(file));
  const lines = reports.flatMap((report) => report.lines);
  const failures = reports.flatMap((report) => report.failures);
  if (failures.length > 0) {
    const messages = failures.map((error) => (error instanceof Error ? error.message : String(error)));
    const done = lines.length === 0 ? 'nothing' : lines.join('; ');
    throw new HostError(
      'restore',
      `not complete, run it again: ${messages.join('; ')} (done: ${done})`,
      failures,
    );
  }
  file.delete();
  return lines;
}

async function attempt(act: () => Promise<readonly string[]> | readonly string[]): Promise<RestoreReport> {
  try {
    return { lines: await act(), failures: [] };
  } catch (error) {
    return { lines: [], failures: [error] };
  }
}

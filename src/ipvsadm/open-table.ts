/** Which table ipvsadm works on. */
import { existsSync } from 'node:fs';
import { controlClient, DaemonUnreachable } from '../api/client.ts';
import { socketPathIn } from '../api/socket-path.ts';
import { daemonRules } from './daemon-rules.ts';
import { daemonTable } from './daemon-table.ts';
import { directorTable } from './director-table.ts';
import { openKernelTable } from './kernel-table.ts';
import type { Table } from './table.ts';

/** How the ipvs plane's description begins. */
const KERNEL_PLANE = /^ip_vs plane/;

/**
 * Where a daemon runs, the table that it directs by, whose changes it makes; else ip_vs. `runDir`: where the control
 * socket lies; `by`: who asks.
 */
export async function openTable(runDir: string, by: string): Promise<Table> {
  const path = socketPathIn(runDir);
  if (!existsSync(path)) return openKernelTable();
  const client = controlClient(path);
  try {
    const { plane, config_file } = await client.status();
    if (!KERNEL_PLANE.test(plane)) return daemonTable(client, config_file, by);
    return directorTable({
      kernel: openKernelTable(),
      rules: daemonRules(client, { natOnly: false, by }),
      file: config_file,
      client,
    });
  } catch (error) {
    // The socket of a daemon that is gone; anything else is said.
    if (error instanceof DaemonUnreachable && error.reason === 'refused') return openKernelTable();
    throw error;
  }
}

/** The ip_vs plane over a table in memory, empty at the start of every test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { serviceKey, type VirtualService } from '../../core/model/service.ts';
import { memoryTable } from './memory-table.fixture.ts';
import { openIpvsPlane } from './plane.ts';

/** Opens planes, as often as a test asks, over the same table and record until the test ends. */
export function memoryPlane() {
  const own = {
    recordDir: '',
    table: memoryTable(),
    open: () => openIpvsPlane({ recordDir: own.recordDir, openTable: () => own.table }),
    /** What the plane knows once it has looked. */
    look: async (plane: ReturnType<typeof openIpvsPlane>) => {
      await plane.inspect!(() => false);
      return plane.observe();
    },
    /** The servers of a service in their order: the last digit of each address, and its weight. */
    serversIn: (service: VirtualService) =>
      own.table.services
        .get(serviceKey(service))!
        .servers.map(({ address, weight }) => [address.at(-1), weight]),
  };
  beforeEach(() => {
    own.recordDir = mkdtempSync(join(tmpdir(), 'weir-ipvs-'));
    own.table = memoryTable();
  });
  afterEach(() => rmSync(own.recordDir, { recursive: true, force: true }));
  return own;
}

/** Sync daemons over a table in memory: whose they are, what is seen of them, and what `weir down` stops. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DEFAULT_SYNC_GROUP, type SyncDaemon } from '../../core/model/sync-daemon.ts';
import { type MemoryTable, memoryTable } from './memory-table.fixture.ts';
import { removeIpvsPlane } from './open.ts';
import { openIpvsPlane } from './plane.ts';

let recordDir: string;
let table: MemoryTable;
beforeEach(() => {
  recordDir = mkdtempSync(join(tmpdir(), 'weir-ipvs-'));
  table = memoryTable();
});
afterEach(() => rmSync(recordDir, { recursive: true, force: true }));

const open = () => openIpvsPlane({ recordDir, openTable: () => table });
const MASTER: SyncDaemon = {
  role: 'master',
  interface: 'eth1',
  sync_id: 7,
  group: DEFAULT_SYNC_GROUP,
  port: 8848,
  ttl: 1,
};
const BACKUP: SyncDaemon = { ...MASTER, role: 'backup', max_length: 1400 };
const running = () => table.daemons.map(({ state, sync_id }) => [state, sync_id]);

it('are started as they are to be, and seen so by the next daemon', () => {
  const plane = open();
  plane.syncDaemons!.start(MASTER);
  plane.syncDaemons!.start(BACKUP);
  plane.close();
  const next = open();
  expect([...next.observe().syncDaemons.values()]).toEqual([MASTER, BACKUP]);
  next.syncDaemons!.start(MASTER);
  expect(running()).toEqual([
    ['master', 7],
    ['backup', 7],
  ]);
  next.close();
  expect(removeIpvsPlane(recordDir, () => table)).toEqual([
    'ip_vs: master sync daemon stopped',
    'ip_vs: backup sync daemon stopped',
  ]);
  expect(running()).toEqual([]);
});

it('that somebody has changed or stopped are seen, and put right', () => {
  const plane = open();
  plane.syncDaemons!.start(MASTER);
  table.daemons[0] = { ...table.daemons[0]!, sync_id: 9 };
  expect(plane.observe().syncDaemons.get('master')).toEqual({ ...MASTER, sync_id: 9 });
  plane.syncDaemons!.start(MASTER);
  expect(running()).toEqual([['master', 7]]);
  table.daemons.pop();
  expect(plane.observe().syncDaemons.size).toBe(0);
  plane.syncDaemons!.start(MASTER);
  expect(running()).toEqual([['master', 7]]);
  plane.close();
});

it('are as they are to be where the kernel has brought a length between its bounds', () => {
  const plane = open();
  const short = { ...BACKUP, max_length: 500 };
  plane.syncDaemons!.start(short);
  expect(table.daemons[0]!.sync_maxlen).toBe(1_024);
  expect(plane.observe().syncDaemons.get('backup')).toEqual(short);
  table.daemons[0] = { ...table.daemons[0]!, sync_maxlen: 1_300 };
  expect(plane.observe().syncDaemons.get('backup')).toEqual({ ...short, max_length: 1_300 });
  plane.close();
});

it('of others stay: those that nobody asks for, and one that was already as it is to be', () => {
  table.startDaemon({ state: 'master', mcast_interface: 'eth1', sync_id: 7, mcast_ttl: 1, mcast_port: 8848 });
  table.startDaemon({ state: 'backup', mcast_interface: 'eth9', sync_id: 1 });
  const plane = open();
  expect(plane.observe().syncDaemons.size).toBe(0);
  plane.syncDaemons!.start(MASTER);
  expect([...plane.observe().syncDaemons.keys()]).toEqual(['master']);
  plane.syncDaemons!.stop('master');
  plane.syncDaemons!.start(MASTER);
  plane.destroy();
  expect(running()).toEqual([
    ['master', 7],
    ['backup', 1],
  ]);
});

it('of others are replaced where the configuration says otherwise, and are Weir’s then', () => {
  table.startDaemon({ state: 'master', mcast_interface: 'eth9', sync_id: 1 });
  const plane = open();
  plane.syncDaemons!.start(MASTER);
  expect(running()).toEqual([['master', 7]]);
  plane.syncDaemons!.stop('master');
  plane.syncDaemons!.stop('master');
  expect(running()).toEqual([]);
  plane.close();
});

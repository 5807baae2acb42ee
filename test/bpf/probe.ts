/** A plane of its own for a test, with the probe's programs beside the director's; run inside a lab's director. */

import { join } from 'node:path';
import type { Address } from '../../src/core/address/address.ts';
import { DEFAULT_LIMITS, type Limits } from '../../src/core/model/config.ts';
import type * as contract from '../../src/dataplane/bpf/contract.generated.ts';
import type { ArrayMap } from '../../src/dataplane/bpf/map.ts';
import type { Publisher } from '../../src/dataplane/bpf/publish.ts';
import { readRegistry } from '../../src/dataplane/bpf/registry.ts';
import { RunAllocator } from '../../src/dataplane/bpf/runs.ts';
import { openTables, type Tables, unpinAll } from '../../src/dataplane/bpf/tables.ts';
import { addressWords, swapPort } from '../../src/dataplane/bpf/words.ts';
import { type Handle, type Libbpf, libbpf } from '../../src/kernel/libbpf.ts';
import { makePins, removePins } from '../support/pins.ts';

/** Small tables, so that a test fills them. */
export const SMALL: Limits = {
  ...DEFAULT_LIMITS,
  connections_ipv4: 8192,
  connections_ipv6: 16,
  half_open: 8192,
};

/** Tables and programs of one test. */
export interface Probe {
  readonly bpf: Libbpf;
  readonly tables: Tables;
  readonly publisher: Publisher;
  readonly programs: Readonly<Record<'pick' | 'churn', number>>;
  close(): void;
}

/** Opens tables of the given sizes under a directory of their own, or those that are pinned in `pinDir` already. */
export function openProbe(limits: Limits, pinDir?: string): Probe {
  const bpf = libbpf();
  const own = pinDir ?? makePins();
  const tables = openTables(bpf, 'dist/director.bpf.o', own, limits);
  const object = loadBeside(bpf, tables, 'dist/probe.bpf.o');
  const registry = readRegistry(tables);
  return {
    bpf,
    tables,
    publisher: {
      tables,
      registry,
      members: new RunAllocator(tables.members.size),
      rings: new RunAllocator(tables.rings.size),
      ports: new RunAllocator(tables.ports.size),
      hz: 1000,
      now: () => performance.now(),
    },
    programs: { pick: bpf.programFd(object, 'probe_pick'), churn: bpf.programFd(object, 'probe_churn') },
    close: () => {
      bpf.closeObject(object);
      if (pinDir === undefined) {
        unpinAll(tables.directory);
        removePins(own);
      }
      tables.close();
    },
  };
}

/** Loads an object whose maps are those of the tables, by their pins; the caller closes it. */
export function loadBeside(bpf: Libbpf, tables: Tables, file: string): Handle {
  const object = bpf.openObject(file);
  for (const { handle, name } of bpf.maps(object)) {
    const path = join(tables.directory, name);
    // The object's own .rodata is not pinned, and the kernel takes no dot in a pin's name.
    const fd = name.includes('.') ? undefined : bpf.getPinned(path);
    if (fd === undefined) continue;
    bpf.setMaxEntries(handle, bpf.maxEntries(fd));
    bpf.closeFd(fd);
    bpf.setPinPath(handle, path);
  }
  bpf.loadObject(object);
  return object;
}

/** Who asks a scheduler, and for which destination. */
export interface Asker {
  readonly client: Address;
  readonly port: number;
  readonly destination: Address;
}

/** The member that the service's scheduler chooses in the kernel; undefined when it chooses nobody. */
export function pick(probe: Probe, slot: number, { client, port, destination }: Asker): number | undefined {
  const words = [...addressWords(client), ...addressWords(destination), swapPort(port), slot, 0];
  const task = new Uint8Array(Uint32Array.from(words).buffer);
  probe.bpf.runSyscall(probe.programs.pick, task);
  const member = new DataView(task.buffer).getUint32(40, true);
  return member === 0xffffffff ? undefined : member;
}

/** How many places of the buckets are taken. */
export function keysIn(keys: ArrayMap<contract.WeirBucket>): number {
  let count = 0;
  for (const [, bucket] of keys.range(0, keys.size)) count += bucket.keys.filter((key) => key !== 0n).length;
  return count;
}

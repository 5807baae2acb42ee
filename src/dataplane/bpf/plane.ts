/** The eBPF data plane. */
import { existsSync } from 'node:fs';
import type { Limits } from '../../core/model/config.ts';
import type { HowAttached } from '../../core/model/host.ts';
import { TEMPLATE_HOLD_MS } from '../../core/model/persistence.ts';
import { NO_SYNC_DAEMONS } from '../../core/model/sync-daemon.ts';
import { FRAGMENT_SECONDS } from '../../core/packet/fragment-table.ts';
import { ensureOnBpffs } from '../../kernel/bpffs.ts';
import { libbpf } from '../../kernel/libbpf.ts';
import { lockDirectory } from '../../kernel/lock.ts';
import type { ConnectionFilter, KernelPlane } from '../port.ts';
import { type Attachment, chooseAttachment, openAttachments } from './attachments.ts';
import { listConnections } from './connections.ts';
import { readCounters, readVerdicts } from './counters.ts';
import { portRunsOf, restoreNetworks } from './groups.ts';
import { openHandover } from './handover.ts';
import { Inspector, observeServices } from './inspect.ts';
import { raiseEpoch, restoreMemberships } from './memberships.ts';
import { restoreOnePackets } from './one-packets.ts';
import { mendPlane, planeDamage } from './plane-damage.ts';
import { type Publisher, publishService, removeStranger, retire, unpublishService } from './publish.ts';
import { jiffiesIn } from './records.ts';
import { type Registry, readRegistry } from './registry.ts';
import { missingRequirements, thisMachine } from './requirements.ts';
import { findPredecessors, Retirement, removeAll } from './retirement.ts';
import { RunAllocator } from './runs.ts';
import { jiffies, Sweeper } from './sweep.ts';
import { openTables, placesOf, removePinDir, type Tables } from './tables.ts';
import { restoreThresholds } from './thresholds.ts';

/** What the plane is opened with. */
export interface BpfPlaneOptions {
  /** The compiled bpf/director.bpf.c. */
  readonly objectFile: string;
  /** Where pins live, on a BPF file system: /sys/fs/bpf/weir. */
  readonly pinDir: string;
  readonly limits: Limits;
  /** Default: auto. */
  readonly attach?: HowAttached;
  /** Jiffies in a second, for who has measured them: it takes a while. */
  readonly hz?: number;
  /** Opens the tables; for who wants to see them too. Default: `openTables`. */
  readonly openTables?: typeof openTables;
}

export type BpfPlane = KernelPlane & { readonly kind: 'bpf' };

/**
 * Finds the plane that is pinned, or makes it. Throws an Error that names what the machine lacks, or a KernelError
 * when the kernel refuses (without CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON it will).
 */
export function openBpfPlane(options: BpfPlaneOptions): BpfPlane {
  const missing = missingRequirements(thisMachine());
  if (missing.length > 0) throw new Error(missing.join('\n'));
  ensureOnBpffs(options.pinDir);
  const unlock = lockPins(options.pinDir);
  let tables: Tables | undefined;
  let retirement: Retirement | undefined;
  try {
    retirement = new Retirement(findPredecessors(libbpf(), options.pinDir));
    const open = options.openTables ?? openTables;
    tables = open(libbpf(), options.objectFile, options.pinDir, options.limits);
    const how = chooseAttachment(libbpf(), options.attach ?? 'auto', retirement.hasFilters);
    return makePlane(tables, how, retirement, options, unlock);
  } catch (error) {
    retirement?.close();
    tables?.close();
    unlock();
    throw error;
  }
}

/** Makes this process the only one that writes to what is pinned there; throws an Error when another one is. */
export function lockPins(pinDir: string): () => void {
  const unlock = lockDirectory(pinDir);
  if (unlock === undefined)
    throw new Error(
      `another weir works on ${pinDir}, perhaps with another --run-dir; stop it first, or choose another --pin-dir`,
    );
  return unlock;
}

function makePlane(
  tables: Tables,
  how: Attachment,
  retirement: Retirement,
  { limits, pinDir, hz = measureHz(tables) }: BpfPlaneOptions,
  unlock: () => void,
): BpfPlane {
  let release = unlock;
  const registry = readRegistry(tables);
  const publisher: Publisher = {
    tables,
    registry,
    members: new RunAllocator(tables.members.size, runsOf(registry, 'members')),
    rings: new RunAllocator(tables.rings.size, runsOf(registry, 'ring')),
    ports: new RunAllocator(tables.ports.size, portRunsOf(registry)),
    hz,
    now: () => performance.now(),
  };
  const inspector = new Inspector(publisher);
  const sweeper = new Sweeper(tables, registry.serverIds);
  // Routes may have changed while no daemon was there to see it.
  const before = tables.settings.get(0);
  const half_open_limit = Math.min(limits.half_open, tables.halfOpen.size / 2);
  const { answer_rate, answer_burst } = limits;
  const route_epoch = (before.route_epoch + 1) % 256;
  const hold = jiffiesIn(TEMPLATE_HOLD_MS, hz);
  const fragment_time = FRAGMENT_SECONDS * hz;
  const own = { half_open_limit, route_epoch, answer_rate, answer_burst, hold, fragment_time };
  tables.settings.change({ ...placesOf(tables), ...own });
  restoreMemberships(publisher);
  restoreThresholds(publisher);
  restoreNetworks(publisher);
  restoreOnePackets(publisher);
  retirement.routesChanged();
  // If another layout has taken over from this one, that waits until it is to be turned round: see `succeed`.
  const byStack = () => tables.settings.get(0).by_stack === 1;
  const attachments = openAttachments(tables, how, byStack);
  if (before.no_new_since === 0) attachments.refresh();
  const list = (filter: ConnectionFilter) =>
    listConnections(
      tables,
      () => ({ now: jiffies(tables), hz, hold }),
      filter,
      (key) => registry.services.get(key)?.id,
    );
  return {
    kind: 'bpf',
    handover: openHandover({ tables, registry, retirement, hz, list: () => list({}) }),
    description: describe(tables, how),
    kernelMemory: tables.memory,
    inspect: (leave) => inspector.look(leave),
    observe: () => ({
      interfaces: attachments.observe(),
      forwarding: byStack() ? 'stack' : 'redirect',
      syncDaemons: NO_SYNC_DAEMONS,
      planeDamage: planeDamage(tables),
      ...observeServices(registry),
    }),
    mend: () => {
      const locked = existsSync(pinDir);
      mendPlane(tables);
      // The lock has gone with the directory that it was on.
      if (locked) return;
      release();
      release = lockPins(pinDir);
    },
    setForwarding: (to) => {
      // A reply that goes by the stack has to be met where it leaves: from before the first until after the last.
      if (to === 'stack') attachments.addEgress();
      tables.settings.change({ by_stack: to === 'stack' ? 1 : 0 });
      if (to === 'redirect') attachments.removeEgress();
    },
    publishService: (service) => publishService(publisher, service),
    removeService: (key) => {
      const entry = registry.services.get(key);
      if (entry?.published) unpublishService(publisher, entry);
      removeStranger(publisher, key);
    },
    attach: (one) => {
      attachments.attach(one);
      // An interface that was made anew has another number than the one by which connections send.
      raiseEpoch(tables);
    },
    detach: (one) => attachments.detach(one),
    counters: (of) => readCounters(tables, registry, of),
    verdicts: () => readVerdicts(tables),
    connections: list,
    sweep: () => {
      const report = sweeper.slice();
      if (report.completed) retire(publisher);
      return report;
    },
    routesChanged: () => {
      raiseEpoch(tables);
      retirement.routesChanged();
    },
    succeed: () => {
      if (tables.settings.get(0).no_new_since !== 0) {
        // Another layout had taken over from this one, and comes behind it: the order is turned round first. In the
        // microseconds until `begin` a packet of an old UDP conversation may be taken for a new one's.
        attachments.moveBehind();
        tables.settings.change({ no_new_since: 0 });
      }
      return retirement.begin();
    },
    retiring: (lastsMs) => retirement.states(lastsMs),
    retireSlice: (lastsMs) => retirement.slice(lastsMs),
    close: () => {
      retirement.close();
      tables.close();
      release();
    },
    destroy: () => {
      removeAll(pinDir);
      removePinDir(pinDir);
    },
  };
}

const runsOf = (registry: Registry, part: 'members' | 'ring') =>
  [...registry.byId.values()].map((entry) => entry[part]);

function describe(tables: Tables, how: Attachment): string {
  const { room: slots } = tables;
  const mebibytes = Math.ceil(tables.memory / 2 ** 20);
  const room = `room for ${slots[4]} IPv4 and ${slots[6]} IPv6 connections, ${mebibytes} MiB of kernel memory`;
  const state = tables.found ? 'found running' : `made anew${lostText(tables.lost)}`;
  const kept =
    tables.oldSizes.length > 0 ? `; changed limits wait for weir down: ${tables.oldSizes.join(', ')}` : '';
  return `eBPF plane ${state}: ${room}, attached by ${how}${kept}`;
}

const lostText = (lost: readonly string[]): string =>
  lost.length === 0 ? '' : `, without the connections it had, as pins were gone (${lost.join(', ')})`;

/** The timer frequencies that kernel/Kconfig.hz offers. */
const FREQUENCIES = [100, 250, 300, 1000];
/** Long enough to tell 250 from 300 by whole ticks. */
const MEASURE_MS = 150;

/** Jiffies a second: the kernel does not say, so two readings and a clock decide among those there are. */
export function measureHz(tables: Tables): number {
  const begin = { at: performance.now(), jiffies: jiffies(tables) };
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, MEASURE_MS);
  const measured = (((jiffies(tables) - begin.jiffies) >>> 0) * 1000) / (performance.now() - begin.at);
  const distance = (hz: number) => Math.abs(Math.log(hz / measured));
  return FREQUENCIES.reduce((best, hz) => (distance(hz) < distance(best) ? hz : best));
}

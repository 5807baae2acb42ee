/** The plane's object in the kernel: programs loaded, maps made or found again by their pins. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Family } from '../../core/address/address.ts';
import type { Limits } from '../../core/model/config.ts';
import { halfOpenPlaces } from '../../core/packet/world.ts';
import { ensureOnBpffs } from '../../kernel/bpffs.ts';
import type { Handle, Libbpf } from '../../kernel/libbpf.ts';
import { codecOf, u32, u64 } from './codecs.ts';
import * as contract from './contract.generated.ts';
import { FILTER, removeFilters } from './filters.ts';
import { LINK } from './links.ts';
import { ArrayMap, HashMap, MappedArray, OwnElement, PerCpuArray } from './map.ts';
import { goneFrom, type Pins, pinsOf } from './pins.ts';

const { LAYOUT, LAYOUTS } = contract;

/** Elements that make room for the runs of all services: more than limits.servers, since two publications overlap. */
const membersFor = (limits: Limits): number => 2 * limits.servers + 2 * 1024;
/**
 * Buckets that make room for two keys a connection: three keys a bucket on average, at which none has both of its buckets
 * full (docs/decisions/0009). Small tables get some more, for averages mean little there.
 */
export const bucketsFor = (connections: number): number => Math.ceil((2 * connections) / 3) + 16;
/**
 * Four turns of wrr or places of a table each: 4 MiB, some hundred services with mh or thousands with long rings; further
 * rings are computed turn by turn.
 */
const RING_CHUNKS = 524_288;
/** Single ports and ranges of all services that have several, twice: once by service, once by prefix. 512 KiB. */
const PORT_RANGES = 65_536;
/** Destinations that lblc and lblcr remember, as many as ip_vs keeps without collecting; and places in lblcr's sets. */
const LOCALITIES = 16_384;

/** Clients' packets that are noted in the moment in which ip_vs is succeeded: what begins in that time, no more. */
const ELDERS = 262_144;

/** Entries for fragmented datagrams to each fragment that may be held. */
const HELD_SHARE = 8;

/** What is open while the daemon runs. */
export interface Tables {
  readonly bpf: Libbpf;
  readonly directory: string;
  readonly programs: Readonly<Record<'public' | 'private' | 'egress' | 'sweep' | 'adopt', number>>;
  readonly servicesByKey: HashMap<contract.WeirServiceKey, number>;
  readonly services: ArrayMap<contract.WeirService>;
  /** Service id → published slot + 1, of services of several ports or addresses. */
  readonly groups: ArrayMap<number>;
  readonly networks: HashMap<contract.WeirNetworkKey, contract.WeirNetwork>;
  readonly ports: ArrayMap<contract.WeirPortRange>;
  readonly serviceState: ArrayMap<contract.WeirServiceState>;
  readonly positions: ArrayMap<bigint>;
  readonly members: ArrayMap<contract.WeirMember>;
  readonly rings: ArrayMap<contract.WeirTurns>;
  readonly localities: HashMap<contract.WeirLocalityKey, contract.WeirLocality>;
  readonly localityServers: HashMap<contract.WeirLocalityServer, bigint>;
  readonly servers: ArrayMap<contract.WeirServer>;
  readonly memberships: ArrayMap<number>;
  readonly thresholds: ArrayMap<contract.WeirThresholds>;
  /** Where servers of one-packet services answer from → their numbers. */
  readonly onePacket: HashMap<contract.WeirOnePacketKey, number>;
  readonly serverAudit: ArrayMap<contract.WeirAudit>;
  readonly serviceTraffic: PerCpuArray<contract.WeirTraffic>;
  readonly serverTraffic: PerCpuArray<contract.WeirTraffic>;
  readonly keys4: MappedArray<contract.WeirBucket>;
  readonly keys6: MappedArray<contract.WeirBucket>;
  readonly connections4: MappedArray<contract.WeirConnection4>;
  readonly connections6: MappedArray<contract.WeirConnection6>;
  /** Connections that there is room for: behind them each table has a slot for each possible CPU. */
  readonly room: Readonly<Record<Family, number>>;
  /** Packets of clients that another plane has: see enum weir_elder. */
  readonly elders: HashMap<contract.WeirElderKey, number>;
  readonly verdicts: PerCpuArray<bigint>;
  readonly settings: OwnElement<contract.WeirSettings>;
  readonly tally: ArrayMap<contract.WeirTally>;
  /** The ring of half-open connections; its size is a power of two. */
  readonly halfOpen: ArrayMap<bigint>;
  /** What all tables take, in bytes: set aside when they are made. */
  readonly memory: number;
  /** Limits that differ from those the pinned tables were made with, a line each. */
  readonly oldSizes: readonly string[];
  /** True when the tables were there already. */
  readonly found: boolean;
  /** Pins that were gone when the tables were opened: without one table the others are worth nothing, so all were made anew. */
  readonly lost: readonly string[];
  /** The pins of the tables. */
  readonly pins: Pins;
  close(): void;
}

/** How many elements each map gets on so many possible CPUs; a map not named here has one. */
function sizes(limits: Limits, cpus: number): Readonly<Record<string, number>> {
  return {
    services_by_key: limits.services,
    services: 2 * limits.services,
    groups: limits.services,
    networks: limits.services,
    ports: PORT_RANGES,
    service_state: limits.services,
    positions: limits.services,
    members: membersFor(limits),
    rings: RING_CHUNKS,
    localities: LOCALITIES,
    locality_servers: LOCALITIES,
    servers: limits.servers,
    memberships: limits.servers,
    thresholds: limits.servers,
    one_packet: limits.servers,
    server_audit: limits.servers,
    service_traffic: limits.services,
    server_traffic: limits.servers,
    keys4: bucketsFor(limits.connections_ipv4),
    keys6: bucketsFor(limits.connections_ipv6),
    connections4: limits.connections_ipv4 + cpus,
    connections6: limits.connections_ipv6 + cpus,
    free4: limits.connections_ipv4,
    free6: limits.connections_ipv6,
    half_open: halfOpenPlaces(limits.half_open),
    fragments: limits.fragments,
    held: Math.floor(limits.fragments / HELD_SHARE),
    holding: 1,
    elders: ELDERS,
    verdicts: contract.WEIR_VERDICT_MAX,
    answers: 1,
    settings: 1,
    tally: 1,
  };
}

/** Bytes that the kernel has set aside for the maps behind these descriptors, as it says itself (proc(5), fdinfo). */
function memoryOf(fds: Iterable<number>): number {
  const bytes = (fd: number) =>
    Number(/^memlock:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? 0);
  return [...fds].reduce((sum, fd) => sum + bytes(fd), 0);
}

/** The directory of this layout's pins. */
export function layoutDirectory(pinDir: string): string {
  return join(pinDir, LAYOUT);
}

/** Layouts other than this program's that are pinned. */
export function otherLayouts(pinDir: string): string[] {
  return existsSync(pinDir) ? readdirSync(pinDir).filter((name) => name !== LAYOUT) : [];
}

/** Pins in the order of their removal: the programs' first, then the mark "prepared", so that one cut short shows. */
export function removalOrder(names: readonly string[]): string[] {
  const rank = (name: string): number => (name.startsWith(LINK) ? 0 : name === 'settings' ? 1 : 2);
  return [...names].sort((a, b) => rank(a) - rank(b));
}

/** True when a program of that layout is on an interface; what its pins are called is the same in all layouts. */
export function isAttached(directory: string): boolean {
  return readdirSync(directory).some((name) => name.startsWith(LINK) || name.startsWith(FILTER));
}

/** Unpins everything in one layout's directory; the kernel frees what nobody else holds. */
export function unpinAll(directory: string): void {
  if (!existsSync(directory)) return;
  removeFilters(directory);
  for (const name of removalOrder(readdirSync(directory))) unlinkSync(join(directory, name));
  rmdirSync(directory);
}

/** Removes the directory that layouts lie in, unless another one's is still there. */
export function removePinDir(pinDir: string): void {
  if (existsSync(pinDir) && readdirSync(pinDir).length === 0) rmdirSync(pinDir);
}

/** Opens the tables pinned under `pinDir`, or makes them. Throws a KernelError when the kernel refuses. */
export function openTables(bpf: Libbpf, objectFile: string, pinDir: string, limits: Limits): Tables {
  const directory = layoutDirectory(pinDir);
  ensureOnBpffs(pinDir);
  const wanted = sizes(limits, bpf.possibleCpus());
  const prepared = existsSync(directory) && isPrepared(bpf, directory);
  const lost = prepared ? goneFrom(directory, Object.keys(wanted)) : [];
  if (!prepared || lost.length > 0) unpinAll(directory);
  const found = existsSync(directory);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const object = bpf.openObject(objectFile);
  try {
    const { fds, oldSizes } = loadMaps(bpf, object, directory, wanted);
    pinRetire(bpf, object, directory);
    const retire = [RETIRE_PIN, bpf.programFd(object, 'weir_retire')] as const;
    const pins = pinsOf(bpf, directory, new Map([...fds, retire]));
    const tables = assemble(bpf, object, fds, { directory, oldSizes, found, lost, pins });
    if (!found) prepare(bpf, object, tables);
    return tables;
  } catch (error) {
    bpf.closeObject(object);
    if (!found) unpinAll(directory);
    throw error;
  }
}

/** The pin of the program by which a daemon of another layout leads this plane to its end; the name is frozen with it. */
export const RETIRE_PIN = 'retire';

/** Pins that program, before the tables are ready: no plane works without it. The one of an earlier daemon does the same. */
function pinRetire(bpf: Libbpf, object: Handle, directory: string): void {
  const path = join(directory, RETIRE_PIN);
  if (!existsSync(path)) bpf.pin(bpf.programFd(object, 'weir_retire'), path);
}

/** False when a start was cut short before its tables were ready, or a removal after the programs had gone. */
function isPrepared(bpf: Libbpf, directory: string): boolean {
  const fd = bpf.getPinned(join(directory, 'settings'));
  if (fd === undefined) return false;
  try {
    return new ArrayMap(bpf, fd, codecOf('settings')).get(0).prepared === 1;
  } finally {
    bpf.closeFd(fd);
  }
}

/** Elements of a map that are no connections' but the CPUs'. */
const ownOfCpus = (bpf: Libbpf, name: string): number =>
  name === 'connections4' || name === 'connections6' ? bpf.possibleCpus() : 0;

function loadMaps(bpf: Libbpf, object: Handle, directory: string, wanted: Readonly<Record<string, number>>) {
  const oldSizes: string[] = [];
  const maps = bpf.maps(object).filter(({ name }) => name in wanted);
  for (const { handle, name } of maps) {
    const path = join(directory, name);
    const size = pinnedSize(bpf, path) ?? wanted[name]!;
    const [kept, configured] = [size, wanted[name]!].map((all) => all - ownOfCpus(bpf, name));
    if (kept !== configured)
      oldSizes.push(`${name} keeps its ${kept} elements (configured now: ${configured})`);
    bpf.setMaxEntries(handle, size);
    bpf.setPinPath(handle, path);
  }
  bpf.loadObject(object);
  return { fds: new Map(maps.map(({ handle, name }) => [name, bpf.mapFd(handle)])), oldSizes };
}

function pinnedSize(bpf: Libbpf, path: string): number | undefined {
  const fd = bpf.getPinned(path);
  if (fd === undefined) return undefined;
  try {
    return bpf.maxEntries(fd);
  } finally {
    bpf.closeFd(fd);
  }
}

function assemble(
  bpf: Libbpf,
  object: Handle,
  fds: ReadonlyMap<string, number>,
  beside: Pick<Tables, 'directory' | 'oldSizes' | 'found' | 'lost' | 'pins'>,
): Tables {
  const fd = (name: string): number => {
    const known = fds.get(name);
    if (known === undefined)
      throw new Error(`the eBPF object has no map ${name}: it was built from other sources`);
    return known;
  };
  const keys4 = new MappedArray(bpf, fd('keys4'), codecOf('bucket'));
  const keys6 = new MappedArray(bpf, fd('keys6'), codecOf('bucket'));
  const connections4 = new MappedArray(bpf, fd('connections4'), codecOf('connection4'));
  const connections6 = new MappedArray(bpf, fd('connections6'), codecOf('connection6'));
  return {
    bpf,
    ...beside,
    programs: {
      public: bpf.programFd(object, 'weir_public'),
      private: bpf.programFd(object, 'weir_private'),
      egress: bpf.programFd(object, 'weir_egress'),
      sweep: bpf.programFd(object, 'weir_sweep'),
      adopt: bpf.programFd(object, 'weir_adopt'),
    },
    servicesByKey: new HashMap(bpf, fd('services_by_key'), codecOf('service_key'), u32),
    services: new ArrayMap(bpf, fd('services'), codecOf('service')),
    groups: new ArrayMap(bpf, fd('groups'), u32),
    networks: new HashMap(bpf, fd('networks'), codecOf('network_key'), codecOf('network')),
    ports: new ArrayMap(bpf, fd('ports'), codecOf('port_range')),
    serviceState: new ArrayMap(bpf, fd('service_state'), codecOf('service_state')),
    positions: new ArrayMap(bpf, fd('positions'), u64),
    members: new ArrayMap(bpf, fd('members'), codecOf('member')),
    rings: new ArrayMap(bpf, fd('rings'), codecOf('turns')),
    localities: new HashMap(bpf, fd('localities'), codecOf('locality_key'), codecOf('locality')),
    localityServers: new HashMap(bpf, fd('locality_servers'), codecOf('locality_server'), u64),
    servers: new ArrayMap(bpf, fd('servers'), codecOf('server')),
    memberships: new ArrayMap(bpf, fd('memberships'), u32),
    thresholds: new ArrayMap(bpf, fd('thresholds'), codecOf('thresholds')),
    onePacket: new HashMap(bpf, fd('one_packet'), codecOf('one_packet_key'), u32),
    serverAudit: new ArrayMap(bpf, fd('server_audit'), codecOf('audit')),
    serviceTraffic: new PerCpuArray(bpf, fd('service_traffic'), codecOf('traffic')),
    serverTraffic: new PerCpuArray(bpf, fd('server_traffic'), codecOf('traffic')),
    keys4,
    keys6,
    connections4,
    connections6,
    room: {
      4: connections4.size - ownOfCpus(bpf, 'connections4'),
      6: connections6.size - ownOfCpus(bpf, 'connections6'),
    },
    elders: new HashMap(bpf, fd('elders'), codecOf('elder_key'), u32),
    verdicts: new PerCpuArray(bpf, fd('verdicts'), u64),
    settings: new OwnElement(bpf, fd('settings'), codecOf('settings')),
    tally: new ArrayMap(bpf, fd('tally'), codecOf('tally')),
    halfOpen: new ArrayMap(bpf, fd('half_open'), u64),
    memory: memoryOf(fds.values()),
    close: () => {
      for (const mapped of [keys4, keys6, connections4, connections6]) mapped.close();
      bpf.closeObject(object);
    },
  };
}

/** Slots that one run of the filling program pushes. */
const FILL_SLICE = 1 << 20;

/** Fills the stacks of free slots, the lowest on top, and marks the tables as ready. */
function prepare(bpf: Libbpf, object: Handle, tables: Tables): void {
  const program = bpf.programFd(object, 'weir_prepare');
  for (const [family, size] of [
    [4, tables.room[4]],
    [6, tables.room[6]],
  ] as const)
    for (let end = size; end > 0; end -= FILL_SLICE) {
      const from = Math.max(0, end - FILL_SLICE);
      const task = new Uint8Array(LAYOUTS.weir_prepare.size);
      const view = new DataView(task.buffer);
      contract.writeWeirPrepare(view, 0, { family, from, count: end - from, failed: 0 });
      bpf.runSyscall(program, task);
      if (contract.readWeirPrepare(view).failed !== 0)
        throw new Error('the stack of free connection slots is too small');
    }
  const { secret } = tables.settings.get(0);
  tables.settings.change({
    ...placesOf(tables),
    secret: Array.from({ length: secret.length }, () => randomBytes(8).readBigUInt64LE()),
    prepared: 1,
  });
}

/** What the settings say of the tables' sizes. */
export function placesOf({ keys4, keys6, halfOpen, room }: Tables): Partial<contract.WeirSettings> {
  return {
    buckets4: keys4.size,
    buckets6: keys6.size,
    half_open_mask: halfOpen.size - 1,
    one_packet4: room[4],
    one_packet6: room[6],
  };
}

/**
 * The part of libbpf 1.1 that the eBPF plane uses, through koffi: objects, maps, links, test runs.
 * Handles (object, map, program) are pointers; descriptors are small integers that `closeFd` gives back.
 * Every function throws a `KernelError` naming the call when libbpf answers a negative errno.
 */
import koffi from 'koffi';
import { KernelError } from './errors.ts';
import { once } from './once.ts';

/** A pointer into libbpf. */
export type Handle = bigint;

/** What the kernel says of a link: where it is attached now. */
export interface LinkInfo {
  /** 0 when the interface has gone and the link hangs in the air. */
  readonly ifindex: number;
  /** The id of the program that it holds there. */
  readonly program: number;
}

export interface Libbpf {
  openObject(file: string): Handle;
  /** Creates the maps that are not pinned yet, and loads the programs through the verifier. */
  loadObject(object: Handle): void;
  closeObject(object: Handle): void;
  maps(object: Handle): { handle: Handle; name: string }[];
  setMaxEntries(map: Handle, entries: number): void;
  setPinPath(map: Handle, path: string): void;
  mapFd(map: Handle): number;
  programFd(object: Handle, name: string): number;
  /** Opens a pinned map, program or link; undefined if nothing is pinned there. */
  getPinned(path: string): number | undefined;
  pin(fd: number, path: string): void;
  update(map: number, key: Uint8Array, value: Uint8Array): void;
  /** As `count` updates, one after the other; keys and values lie without gaps. */
  updateBatch(map: number, keys: Uint8Array, values: Uint8Array, count: number): void;
  /** False if the key is not there. A stack or queue has no key (null), and shows what would be popped next. */
  lookup(map: number, key: Uint8Array | null, value: Uint8Array): boolean;
  /** False if the key was not there. */
  remove(map: number, key: Uint8Array): boolean;
  /** Writes the key after `key` (null: the first) into `next`; false at the end. */
  nextKey(map: number, key: Uint8Array | null, next: Uint8Array): boolean;
  /** Reads up to `count` elements of an array map from index `from` on; returns how many. */
  lookupBatch(map: number, from: number, count: number, keys: Uint8Array, values: Uint8Array): number;
  /** `max_entries` of a map, which a pinned one keeps from the day it was made. */
  maxEntries(map: number): number;
  /** How many instructions the verifier walked before it took the program: what is left of its million is room to grow. */
  verifiedInstructions(program: number): number;
  /** The id by which the kernel and bpftool know a program. */
  programId(program: number): number;
  createLink(program: number, ifindex: number, attachType: number): number;
  updateLink(link: number, program: number): void;
  /** True when the kernel knows programs of that type on interfaces, such as TCX; it is asked of the loopback. */
  knowsAttachType(attachType: number): boolean;
  linkInfo(link: number): LinkInfo;
  /** Runs a BPF_PROG_TYPE_SYSCALL program with `context`, which it reads and writes. */
  runSyscall(program: number, context: Uint8Array): void;
  /** Runs a tc program over a frame; see struct bpf_test_run_opts. */
  runPacket(program: number, frame: Uint8Array, options?: PacketRun): PacketResult;
  possibleCpus(): number;
  closeFd(fd: number): void;
}

export interface PacketRun {
  /** How many times in a row, 1 – 1,000,000. */
  readonly repeat?: number;
  /** struct __sk_buff to begin with, such as one that names an ifindex. */
  readonly context?: Uint8Array;
}

export interface PacketResult {
  readonly verdict: number;
  readonly frame: Uint8Array;
  /** Mean over the repeats, in nanoseconds. */
  readonly nanoseconds: number;
}

/** struct bpf_test_run_opts: offsets of the fields on a 64-bit machine. */
const RUN = {
  size: 80,
  dataIn: 8,
  dataOut: 16,
  dataSizeIn: 24,
  dataSizeOut: 28,
  contextIn: 32,
  contextOut: 40,
  contextSizeIn: 48,
  contextSizeOut: 52,
  retval: 56,
  repeat: 60,
  duration: 64,
};
const ENOENT = 2;
const EINVAL = 22;
/** The loopback's number in every network namespace (LOOPBACK_IFINDEX, net/core). */
const LOOPBACK = 1;

/** struct bpf_map_info, bpf_link_info and bpf_prog_info (linux/bpf.h): what is read of them. */
const INFO = {
  size: 256,
  maxEntries: 16,
  programId: 4,
  linkProgram: 8,
  linkIfindex: 16,
  verifiedInstructions: 216,
};

/** libbpf, opened when first asked for; throws an Error that says what to install if it is not there. */
export const libbpf: () => Libbpf = once(loadLibbpf);

function loadLibbpf(): Libbpf {
  const library = openLibrary();
  const declare = (signature: string) => library.func(signature);
  const openFile = declare('void *bpf_object__open_file(const char *path, void *opts)');
  const load = declare('int bpf_object__load(void *object)');
  const closeObject = declare('void bpf_object__close(void *object)');
  const nextMap = declare('void *bpf_object__next_map(void *object, void *map)');
  const mapName = declare('const char *bpf_map__name(void *map)');
  const setMaxEntries = declare('int bpf_map__set_max_entries(void *map, uint32_t entries)');
  const setPinPath = declare('int bpf_map__set_pin_path(void *map, const char *path)');
  const mapFd = declare('int bpf_map__fd(void *map)');
  const findProgram = declare('void *bpf_object__find_program_by_name(void *object, const char *name)');
  const programFd = declare('int bpf_program__fd(void *program)');
  const objGet = declare('int bpf_obj_get(const char *path)');
  const objPin = declare('int bpf_obj_pin(int fd, const char *path)');
  const update = declare(
    'int bpf_map_update_elem(int fd, const void *key, const void *value, uint64_t flags)',
  );
  const lookup = declare('int bpf_map_lookup_elem(int fd, const void *key, void *value)');
  const remove = declare('int bpf_map_delete_elem(int fd, const void *key)');
  const nextKey = declare('int bpf_map_get_next_key(int fd, const void *key, void *next)');
  const lookupBatch = declare(
    'int bpf_map_lookup_batch(int fd, void *in, void *out, void *keys, void *values, _Inout_ uint32_t *count, void *opts)',
  );
  const updateBatch = declare(
    'int bpf_map_update_batch(int fd, const void *keys, const void *values, _Inout_ uint32_t *count, void *opts)',
  );
  const linkCreate = declare('int bpf_link_create(int program, int target, int attach_type, void *opts)');
  const linkUpdate = declare('int bpf_link_update(int link, int program, void *opts)');
  const query = declare(
    'int bpf_prog_query(int target, int type, uint32_t flags, void *attach_flags, void *ids, _Inout_ uint32_t *count)',
  );
  const info = declare('int bpf_obj_get_info_by_fd(int fd, void *info, _Inout_ uint32_t *length)');
  const testRun = declare('int bpf_prog_test_run_opts(int fd, void *opts)');
  const cpus = declare('int libbpf_num_possible_cpus()');
  // What libbpf prints on stderr is not for our users: errors reach them as KernelError.
  declare('void *libbpf_set_print(void *callback)')(null);
  const close = koffi.load('libc.so.6').func('int close(int fd)');

  const checked = (call: string, result: number): number => {
    if (result < 0) throw new KernelError(call, result);
    return result;
  };
  const found = (call: string, result: number): boolean => {
    if (result === -ENOENT) return false;
    checked(call, result);
    return true;
  };
  const infoOf = (call: string, fd: number): DataView => {
    const buffer = new Uint8Array(INFO.size);
    checked(call, info(fd, buffer, [INFO.size]));
    return new DataView(buffer.buffer);
  };
  return {
    openObject: (file) => {
      const handle = openFile(file, null) as Handle | null;
      if (handle === null || handle === 0n) throw new KernelError(`open ${file}`, koffi.errno());
      return handle;
    },
    loadObject: (object) => void checked('load the eBPF object', load(object)),
    closeObject: (object) => closeObject(object),
    maps: (object) => {
      const all: { handle: Handle; name: string }[] = [];
      for (let map = nextMap(object, null) as Handle | null; map; map = nextMap(object, map) as Handle | null)
        all.push({ handle: map, name: mapName(map) as string });
      return all;
    },
    setMaxEntries: (map, entries) => void checked('bpf_map__set_max_entries', setMaxEntries(map, entries)),
    setPinPath: (map, path) => void checked(`bpf_map__set_pin_path(${path})`, setPinPath(map, path)),
    mapFd: (map) => checked('bpf_map__fd', mapFd(map)),
    programFd: (object, name) => {
      const program = findProgram(object, name) as Handle | null;
      if (!program) throw new KernelError(`find program ${name}`, ENOENT);
      return checked(`program ${name}`, programFd(program));
    },
    getPinned: (path) => {
      const fd = objGet(path) as number;
      return found(`open the pin ${path}`, fd) ? fd : undefined;
    },
    pin: (fd, path) => void checked(`pin ${path}`, objPin(fd, path)),
    update: (map, key, value) => void checked('bpf_map_update_elem', update(map, key, value, 0)),
    updateBatch: (map, keys, values, count) =>
      void checked('bpf_map_update_batch', updateBatch(map, keys, values, [count], null)),
    lookup: (map, key, value) => found('bpf_map_lookup_elem', lookup(map, key, value)),
    remove: (map, key) => found('bpf_map_delete_elem', remove(map, key)),
    nextKey: (map, key, next) => found('bpf_map_get_next_key', nextKey(map, key, next)),
    lookupBatch: (map, from, count, keys, values) => {
      // An array's batch begins after the element named by `in`; null is before the first.
      const before = new Uint8Array(4);
      new DataView(before.buffer).setUint32(0, from - 1, true);
      const read = [count];
      const result = lookupBatch(
        map,
        from === 0 ? null : before,
        new Uint8Array(4),
        keys,
        values,
        read,
        null,
      ) as number;
      if (result !== -ENOENT) checked('bpf_map_lookup_batch', result);
      return read[0] ?? 0;
    },
    maxEntries: (map) => infoOf('bpf_obj_get_info_by_fd(map)', map).getUint32(INFO.maxEntries, true),
    verifiedInstructions: (program) =>
      infoOf('bpf_obj_get_info_by_fd(program)', program).getUint32(INFO.verifiedInstructions, true),
    programId: (program) =>
      infoOf('bpf_obj_get_info_by_fd(program)', program).getUint32(INFO.programId, true),
    createLink: (program, ifindex, attachType) =>
      checked('bpf_link_create', linkCreate(program, ifindex, attachType, null)),
    updateLink: (link, program) => void checked('bpf_link_update', linkUpdate(link, program, null)),
    knowsAttachType: (attachType) => {
      const result = query(LOOPBACK, attachType, 0, null, null, [0]) as number;
      if (result === -EINVAL) return false;
      checked('bpf_prog_query', result);
      return true;
    },
    linkInfo: (link) => {
      const view = infoOf('bpf_obj_get_info_by_fd(link)', link);
      return {
        ifindex: view.getUint32(INFO.linkIfindex, true),
        program: view.getUint32(INFO.linkProgram, true),
      };
    },
    runSyscall: (program, context) => {
      const options = new DataView(new ArrayBuffer(RUN.size));
      options.setBigUint64(0, BigInt(RUN.size), true);
      options.setBigUint64(RUN.contextIn, koffi.address(context), true);
      options.setUint32(RUN.contextSizeIn, context.length, true);
      checked('BPF_PROG_TEST_RUN', testRun(program, new Uint8Array(options.buffer)));
    },
    runPacket: (program, frame, run = {}) => {
      const options = new DataView(new ArrayBuffer(RUN.size));
      // A program may make the frame longer, by what it has kept of another one at most.
      const out = new Uint8Array(frame.length + 2048);
      options.setBigUint64(0, BigInt(RUN.size), true);
      options.setBigUint64(RUN.dataIn, koffi.address(frame), true);
      options.setUint32(RUN.dataSizeIn, frame.length, true);
      options.setBigUint64(RUN.dataOut, koffi.address(out), true);
      options.setUint32(RUN.dataSizeOut, out.length, true);
      options.setUint32(RUN.repeat, run.repeat ?? 1, true);
      if (run.context !== undefined) {
        options.setBigUint64(RUN.contextIn, koffi.address(run.context), true);
        options.setUint32(RUN.contextSizeIn, run.context.length, true);
      }
      checked('BPF_PROG_TEST_RUN', testRun(program, new Uint8Array(options.buffer)));
      return {
        verdict: options.getInt32(RUN.retval, true),
        frame: out.subarray(0, options.getUint32(RUN.dataSizeOut, true)),
        nanoseconds: options.getUint32(RUN.duration, true),
      };
    },
    possibleCpus: () => checked('libbpf_num_possible_cpus', cpus()),
    closeFd: (fd) => void close(fd),
  };
}

function openLibrary() {
  try {
    return koffi.load('libbpf.so.1');
  } catch (error) {
    throw new Error(
      `libbpf.so.1 cannot be opened (${(error as Error).message}); on Debian: apt-get install libbpf1`,
    );
  }
}

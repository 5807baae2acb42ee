/** Puts the tables of a plane back to their first day, whatever is in them: loading the programs anew takes half a second. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import koffi from 'koffi';
import type { Tables } from '../../src/dataplane/bpf/tables.ts';
import { RETIRE_PIN } from '../../src/dataplane/bpf/tables.ts';

/** Types of maps by their numbers (enum bpf_map_type, linux/bpf.h). */
const ARRAY = 2;
const PERCPU_ARRAY = 6;
const HASHES = [1, 9, 11];
const STACK = 23;

interface Map {
  readonly name: string;
  readonly fd: number;
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly size: number;
}

/** A pinned map, as the kernel describes it (proc(5), fdinfo); undefined for what is no map. */
function openMap({ bpf, directory }: Tables, name: string): Map | undefined {
  const fd = bpf.getPinned(join(directory, name))!;
  const text = readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
  const number = (what: string) => Number(new RegExp(`^${what}:\\s*(\\d+)`, 'm').exec(text)?.[1]);
  const type = number('map_type');
  const map = { name, fd, type, keySize: number('key_size'), valueSize: number('value_size') };
  if (!Number.isNaN(type)) return { ...map, size: number('max_entries') };
  bpf.closeFd(fd);
  return undefined;
}

/** Of these, what no service refers to is never read. They have half a million elements. */
const UNREFERRED = ['rings', 'ports'];

/** Elements that are looked at with one call. */
const CHUNK = 4096;

function clearArray({ bpf }: Tables, { fd, valueSize, size }: Map): void {
  const most = Math.min(CHUNK, size);
  const [keys, values] = [Buffer.alloc(most * 4), Buffer.alloc(most * valueSize)];
  const nothing = Buffer.alloc(values.length);
  for (let first = 0; first < size; first += CHUNK) {
    const count = bpf.lookupBatch(fd, first, Math.min(CHUNK, size - first), keys, values);
    if (values.compare(nothing, 0, count * valueSize, 0, count * valueSize) === 0) continue;
    for (let i = 0; i < count; i++) {
      const [from, to] = [i * valueSize, (i + 1) * valueSize];
      if (values.compare(nothing, from, to, from, to) !== 0)
        bpf.update(fd, keyOf(first + i), nothing.subarray(0, valueSize));
    }
  }
}

const keyOf = (index: number): Uint8Array => new Uint8Array(Uint32Array.of(index).buffer);

function clearPerCpu({ bpf }: Tables, { fd, valueSize, size }: Map): void {
  const nothing = new Uint8Array(((valueSize + 7) & ~7) * bpf.possibleCpus());
  for (let i = 0; i < size; i++) bpf.update(fd, keyOf(i), nothing);
}

function clearHash({ bpf }: Tables, { fd, keySize }: Map): void {
  const key = new Uint8Array(keySize);
  while (bpf.nextKey(fd, null, key)) bpf.remove(fd, key);
}

/** Stacks have no keys. */
function openStacks() {
  const library = koffi.load('libbpf.so.1');
  const pop = library.func('int bpf_map_lookup_and_delete_elem(int fd, const void *key, void *value)');
  const push = library.func(
    'int bpf_map_update_elem(int fd, const void *key, const void *value, uint64_t flags)',
  );
  /** Of a stack of slots, the lowest on top: puts back those below `high`. The others have never been taken. */
  return (fd: number, high: number): void => {
    const top = new Uint32Array(1);
    const put = (slot: number): void => {
      if (push(fd, null, Uint32Array.of(slot), 0) !== 0) throw new Error(`a stack takes no ${slot}`);
    };
    while (pop(fd, null, top) === 0)
      if (top[0]! >= high) {
        put(top[0]!);
        break;
      }
    for (let slot = high - 1; slot >= 0; slot--) put(slot);
  };
}

/** A plane's tables that can be used again. */
export interface Reusable {
  /** Empties all, but for what was there when this was made; false where something is pinned that was not: then it cannot be. */
  reset(): boolean;
  close(): void;
}

/** Of tables that have just been made, and are to be as they are now. */
export function reusable(tables: Tables): Reusable {
  const pinned = readdirSync(tables.directory).sort();
  const maps = pinned.flatMap((name) => (name === RETIRE_PIN ? [] : (openMap(tables, name) ?? [])));
  const settings = tables.settings.get(0);
  const fill = openStacks();
  return {
    reset() {
      if (readdirSync(tables.directory).sort().join() !== pinned.join()) return false;
      const { high4, high6 } = tables.tally.get(0);
      for (const map of maps)
        if (UNREFERRED.includes(map.name)) continue;
        else if (map.type === ARRAY) clearArray(tables, map);
        else if (map.type === PERCPU_ARRAY) clearPerCpu(tables, map);
        else if (HASHES.includes(map.type)) clearHash(tables, map);
        else if (map.type === STACK) fill(map.fd, map.name === 'free4' ? high4 : high6);
        else throw new Error(`${map.name} is a map of type ${map.type}, which is not known here`);
      tables.settings.set(0, settings);
      return true;
    },
    close() {
      for (const { fd } of maps) tables.bpf.closeFd(fd);
    },
  };
}

/** One kernel map by its element: bytes in and out through the contract's readers and writers. */
import type { Libbpf } from '../../kernel/libbpf.ts';
import { type Mapping, mapForReading } from '../../kernel/mmap.ts';

/** How an element becomes bytes. */
export interface Codec<T> {
  readonly size: number;
  read(view: DataView, at: number): T;
  write(view: DataView, at: number, value: T): void;
}

/** Elements read by one system call in bulk. */
const CHUNK = 4096;

/** Elements as they lie in memory, `stride` bytes apart. */
export interface Chunk {
  readonly first: number;
  readonly count: number;
  readonly view: DataView;
  readonly stride: number;
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** An array map: index → T. */
export class ArrayMap<T> {
  readonly #bpf: Libbpf;
  readonly fd: number;
  readonly codec: Codec<T>;
  readonly size: number;

  constructor(bpf: Libbpf, fd: number, codec: Codec<T>) {
    this.#bpf = bpf;
    this.fd = fd;
    this.codec = codec;
    this.size = bpf.maxEntries(fd);
  }

  get(index: number): T {
    const value = new Uint8Array(this.codec.size);
    if (!this.#bpf.lookup(this.fd, indexKey(index), value))
      throw new RangeError(`no element ${index} of ${this.size}`);
    return this.codec.read(viewOf(value), 0);
  }

  set(index: number, value: T): void {
    const bytes = new Uint8Array(this.codec.size);
    this.codec.write(viewOf(bytes), 0, value);
    this.#bpf.update(this.fd, indexKey(index), bytes);
  }

  /** Writes elements from `first` on, by one system call. */
  setRun(first: number, values: readonly T[]): void {
    const bytes = new Uint8Array(values.length * this.codec.size);
    const view = viewOf(bytes);
    values.forEach((value, i) => {
      this.codec.write(view, i * this.codec.size, value);
    });
    if (values.length > 0)
      this.#bpf.updateBatch(this.fd, indexKeys(first, values.length), bytes, values.length);
  }

  /** The bytes of elements `from` … `to`-1, some thousand at a time. */
  *chunks(from: number, to: number): Generator<Chunk> {
    const stride = this.codec.size;
    for (let first = from; first < to; first += CHUNK) {
      const want = Math.min(CHUNK, to - first);
      const values = new Uint8Array(want * stride);
      const count = this.#bpf.lookupBatch(this.fd, first, want, new Uint8Array(want * 4), values);
      yield { first, count, view: viewOf(values), stride };
      if (count < want) return;
    }
  }

  /** Elements `from` … `to`-1, in bulk. */
  *range(from: number, to: number): Generator<[index: number, value: T]> {
    for (const { first, count, view, stride } of this.chunks(from, to))
      for (let i = 0; i < count; i++) yield [first + i, this.codec.read(view, i * stride)];
  }
}

/** The one element of a map that this process alone writes: it remembers what it has written, whatever others do to it. */
export class OwnElement<T extends object> extends ArrayMap<T> {
  /** Undefined until the first write. */
  written: T | undefined;

  override set(index: number, value: T): void {
    super.set(index, value);
    this.written = value;
  }

  /** Changes some fields; what others have changed meanwhile goes with that. */
  change(fields: Partial<T>): void {
    this.set(0, { ...(this.written ?? this.get(0)), ...fields });
  }
}

/** An array map made with BPF_F_MMAPABLE: bulk reads take no system call. To be closed. */
export class MappedArray<T> extends ArrayMap<T> {
  readonly #mapping: Mapping;

  constructor(bpf: Libbpf, fd: number, codec: Codec<T>) {
    super(bpf, fd, codec);
    this.#mapping = mapForReading(fd, this.size * codec.size);
  }

  override *chunks(from: number, to: number): Generator<Chunk> {
    const stride = this.codec.size;
    const end = Math.min(to, this.size);
    for (let first = from; first < end; first += CHUNK) {
      const count = Math.min(CHUNK, end - first);
      yield {
        first,
        count,
        view: viewOf(this.#mapping.copy(first * stride, (first + count) * stride)),
        stride,
      };
    }
  }

  close(): void {
    this.#mapping.close();
  }
}

/** A hash map: K → T. */
export class HashMap<K, T> {
  readonly #bpf: Libbpf;
  readonly fd: number;
  readonly key: Codec<K>;
  readonly value: Codec<T>;

  constructor(bpf: Libbpf, fd: number, key: Codec<K>, value: Codec<T>) {
    this.#bpf = bpf;
    this.fd = fd;
    this.key = key;
    this.value = value;
  }

  get(key: K): T | undefined {
    const value = new Uint8Array(this.value.size);
    return this.#bpf.lookup(this.fd, this.#bytes(key), value) ? this.value.read(viewOf(value), 0) : undefined;
  }

  set(key: K, value: T): void {
    const bytes = new Uint8Array(this.value.size);
    this.value.write(viewOf(bytes), 0, value);
    this.#bpf.update(this.fd, this.#bytes(key), bytes);
  }

  delete(key: K): boolean {
    return this.#bpf.remove(this.fd, this.#bytes(key));
  }

  /** The key after `key` in the map's own order; the first for undefined, or for one that has gone. Undefined at the end. */
  next(key: K | undefined): K | undefined {
    const next = new Uint8Array(this.key.size);
    const from = key === undefined ? null : this.#bytes(key);
    return this.#bpf.nextKey(this.fd, from, next) ? this.key.read(viewOf(next), 0) : undefined;
  }

  #bytes(key: K): Uint8Array {
    const bytes = new Uint8Array(this.key.size);
    this.key.write(viewOf(bytes), 0, key);
    return bytes;
  }
}

/** A per-CPU array: index → one T for each possible CPU. */
export class PerCpuArray<T> {
  readonly #bpf: Libbpf;
  readonly #cpus: number;
  readonly #stride: number;
  readonly fd: number;
  readonly codec: Codec<T>;

  constructor(bpf: Libbpf, fd: number, codec: Codec<T>) {
    this.#bpf = bpf;
    this.#cpus = bpf.possibleCpus();
    this.#stride = Math.ceil(codec.size / 8) * 8;
    this.fd = fd;
    this.codec = codec;
  }

  get(index: number): T[] {
    const bytes = new Uint8Array(this.#stride * this.#cpus);
    if (!this.#bpf.lookup(this.fd, indexKey(index), bytes)) throw new RangeError(`no element ${index}`);
    return Array.from({ length: this.#cpus }, (_, cpu) => this.codec.read(viewOf(bytes), cpu * this.#stride));
  }

  /** Sets every CPU's element to zeroes. */
  clear(index: number): void {
    this.#bpf.update(this.fd, indexKey(index), new Uint8Array(this.#stride * this.#cpus));
  }

  /** The same for `count` elements from `first` on, by one system call. */
  clearRun(first: number, count: number): void {
    const zeroes = new Uint8Array(count * this.#stride * this.#cpus);
    if (count > 0) this.#bpf.updateBatch(this.fd, indexKeys(first, count), zeroes, count);
  }
}

const indexKey = (index: number): Uint8Array => indexKeys(index, 1);

function indexKeys(first: number, count: number): Uint8Array {
  const keys = new Uint8Array(4 * count);
  const view = viewOf(keys);
  for (let i = 0; i < count; i++) view.setUint32(4 * i, first + i, true);
  return keys;
}

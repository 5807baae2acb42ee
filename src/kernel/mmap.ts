/** Kernel memory behind a descriptor, mapped for reading (mmap(2)). */
import koffi from 'koffi';
import { KernelError } from './errors.ts';
import { once } from './once.ts';

/** PROT_READ and MAP_SHARED (asm-generic/mman-common.h, linux/mman.h). */
const PROT_READ = 1;
const MAP_SHARED = 1;
/** What mmap answers when it fails: a pointer of all ones. */
const MAP_FAILED = 2n ** 64n - 1n;

/** Memory that somebody else goes on writing. */
export interface Mapping {
  /** Copies bytes `from` … `to`-1 out; a RangeError beyond the end, an Error once it is closed. */
  copy(from: number, to: number): Uint8Array;
  /** Unmaps it; once more does nothing. */
  close(): void;
}

const calls = once(() => {
  const library = koffi.load('libc.so.6');
  return {
    mmap: library.func(
      'void *mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)',
    ),
    munmap: library.func('int munmap(void *address, size_t length)'),
  };
});

/** Maps the first `length` bytes behind `fd`; throws a KernelError when the kernel refuses. */
export function mapForReading(fd: number, length: number): Mapping {
  const address = calls().mmap(null, length, PROT_READ, MAP_SHARED, fd, 0) as bigint;
  if (address === MAP_FAILED) throw new KernelError('mmap', koffi.errno());
  // Never handed out: whoever read it after close() would end the process.
  let bytes: Uint8Array | undefined = new Uint8Array(koffi.view(address, length));
  return {
    copy: (from, to) => {
      if (bytes === undefined) throw new Error('this memory is not mapped any more');
      if (from < 0 || to > length || from > to) throw new RangeError(`no bytes ${from} – ${to} in ${length}`);
      return bytes.slice(from, to);
    },
    close: () => {
      if (bytes !== undefined) calls().munmap(address, length);
      bytes = undefined;
    },
  };
}

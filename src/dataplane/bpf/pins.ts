/** The pins of a plane's tables, by which they outlive the daemon and are found again. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ensureOnBpffs } from '../../kernel/bpffs.ts';
import type { Libbpf } from '../../kernel/libbpf.ts';

/** What is pinned of one plane, links and filters excepted. */
export interface Pins {
  /** The names of those that are gone. */
  gone(): string[];
  /** Pins anew what is gone. Throws a KernelError when the kernel refuses. */
  restore(): void;
}

/** These objects' pins, by name; "settings" comes last, since a plane without it is taken for half made. */
export function pinsOf(bpf: Libbpf, directory: string, objects: ReadonlyMap<string, number>): Pins {
  const gone = () => goneFrom(directory, objects.keys());
  return {
    gone,
    restore: () => {
      ensureOnBpffs(dirname(directory));
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const last = (name: string) => Number(name === 'settings');
      for (const name of gone().sort((a, b) => last(a) - last(b)))
        bpf.pin(objects.get(name)!, join(directory, name));
    },
  };
}

/** Those of the names that the directory, which may be gone itself, lacks. */
export function goneFrom(directory: string, names: Iterable<string>): string[] {
  const there = new Set(existsSync(directory) ? readdirSync(directory) : []);
  return [...names].filter((name) => !there.has(name));
}

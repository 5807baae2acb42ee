/** Programs of tests that are started many times: as JavaScript, for reading TypeScript takes Node most of a second each time. */
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { writeDurably } from '../../src/kernel/durable.ts';
import { once } from '../../src/kernel/once.ts';

/** Below the project, where the programs find node_modules/koffi; not in git. */
const PROGRAMS = fileURLToPath(new URL('../../build/programs/', import.meta.url));

/** Compiles a program, whose name no other of them has; returns the path of what came of it. */
function compile(source: string): string {
  const { outputFiles } = buildSync({
    entryPoints: [source],
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['koffi'],
    // Some packages still call require(), which an ES module does not have.
    banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
    write: false,
  });
  const file = join(PROGRAMS, basename(source).replace(/\.ts$/, '.mjs'));
  // Two test files may want it at once.
  writeDurably(file, outputFiles[0]!.text, { mode: 0o644 });
  return file;
}

/** The compiled program beside the caller's file, made when first asked for: `compiled('host-driver.ts', import.meta.url)`. */
export const compiled = (name: string, beside: string): (() => string) =>
  once(() => compile(fileURLToPath(new URL(name, beside))));

/** Runs a TypeScript program in the guest: bundled, by the host's node, JSON in and JSON out. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { LabError } from '../command.ts';
import { type Guest, runInGuest } from './guest.ts';

/** Below the project, where the bundle finds node_modules/koffi; not in git. */
const RUNS = fileURLToPath(new URL('../../../build/guest/', import.meta.url));

async function bundle(program: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [program],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    external: ['koffi'],
    logLevel: 'silent',
  });
}

/**
 * Runs the program (a path of a .ts file), which finds `input` as JSON on its standard input, and returns the JSON that
 * it wrote to its standard output. `timeout` in seconds, default 60. Throws a LabError with all that was said when it
 * ends with another code than 0.
 */
export async function runProgramInGuest(
  guest: Guest,
  program: string,
  input: unknown,
  timeout?: number,
): Promise<unknown> {
  return JSON.parse(await runTextProgramInGuest(guest, program, timeout, JSON.stringify(input)));
}

/** As `runProgramInGuest`, with any text for what it finds and what it wrote, which `heard` is told of as it comes. */
export async function runTextProgramInGuest(
  guest: Guest,
  program: string,
  timeout?: number,
  input = '',
  heard?: (piece: string) => void,
): Promise<string> {
  mkdirSync(RUNS, { recursive: true });
  const run = mkdtempSync(join(RUNS, 'run-'));
  try {
    const file = join(run, 'job.mjs');
    await bundle(program, file);
    const result = await runInGuest(guest, run, {
      argv: [process.execPath, file],
      input,
      ...(timeout === undefined ? {} : { timeout }),
      ...(heard && { heard }),
    });
    if (result.code !== 0)
      throw new LabError(
        `${program} ended with ${result.code} in the guest; it said:\n${result.stderr}${result.stdout.slice(-2000)}\n` +
          `The guest's kernel said:\n${result.console}`,
      );
    return result.stdout;
  } finally {
    rmSync(run, { recursive: true, force: true });
  }
}

/** The programs ipvsadm, ipvsadm-save and ipvsadm-restore. */
import { readFileSync } from 'node:fs';
import { caller } from './caller.ts';
import { EXIT, execute, type Streams } from './execute.ts';
import { helpText, versionText } from './help.ts';
import { NoIpvs } from './kernel-table.ts';
import { type Lookups, openLookups } from './lookup.ts';
import { refusalText } from './messages.ts';
import { openTable } from './open-table.ts';
import { addRules, addRulesStrictly, parseWithLookups, replaceByRules, replaceStrictly } from './restore.ts';
import type { Table } from './table.ts';

/** What the programs have to do with. */
export interface ProgramIo extends Streams {
  /** All of standard input. */
  input(): Uint8Array;
  /** Opens the table to work on; throws a `NoIpvs` where there is none. */
  open(): Table | Promise<Table>;
  readonly lookups: Lookups;
}

/** The io of a process. */
export function processIo(): ProgramIo {
  return {
    out: (text) => write(process.stdout, text),
    err: (text) => write(process.stderr, text),
    input: () => readFileSync(0),
    open: () => openTable(process.env['WEIR_RUN_DIR'] || '/run/weir', caller(process.env)),
    lookups: openLookups(),
  };
}

/** Waits until it is written; a reader that has seen enough is no mistake. */
function write(stream: NodeJS.WritableStream, text: string): Promise<void> {
  return new Promise((resolve) => {
    stream.write(text, () => resolve());
  });
}

/** Runs one of the programs, by its name; resolves to the exit code. */
export async function run(program: string, argv: readonly string[], io: ProgramIo): Promise<number> {
  try {
    if (program === 'ipvsadm-save') return await saveProgram(argv, io);
    if (program === 'ipvsadm-restore') return await restoreProgram(argv, io);
    return await ipvsadm(argv, io);
  } catch (error) {
    // A daemon that does not answer, say.
    await io.err(`${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT.refused;
  }
}

/** `ipvsadm` with these arguments. */
export async function ipvsadm(argv: readonly string[], io: ProgramIo): Promise<number> {
  const parsed = await parseWithLookups(argv, io.lookups);
  if (parsed.ok && parsed.command.kind === 'help') return say(io, helpText);
  if (parsed.ok && parsed.command.kind === 'version') return say(io, versionText);
  return withTable(io, async (table) => {
    if (!parsed.ok) {
      await io.err(`${parsed.refusal.text}\n`);
      return parsed.refusal.code;
    }
    const place = { ...io, table };
    const { command } = parsed;
    if (command.kind === 'restore') return (command.strict ? addRulesStrictly : addRules)(io.input(), place);
    return execute(command, place);
  });
}

async function say(io: ProgramIo, text: string): Promise<number> {
  await io.out(`${text}\n`);
  return EXIT.done;
}

async function withTable(io: ProgramIo, use: (table: Table) => Promise<number>): Promise<number> {
  let table: Table;
  try {
    table = await io.open();
  } catch (error) {
    if (!(error instanceof NoIpvs)) throw error;
    const { code } = error.cause as { readonly code?: string };
    const why = code === 'ENOENT' ? 'Protocol not available' : (refusalText(error.cause) ?? error.message);
    await io.err(
      `Can't initialize ipvs: ${why}\nAre you sure that IP Virtual Server is built in the kernel or as module?\n`,
    );
    return EXIT.usage;
  }
  try {
    return await use(table);
  } finally {
    await table.close();
  }
}

const SAVE_USAGE =
  'Usage: ipvsadm-save [-n] [--all]\n  Prints rules that make what there is; -n: with numbers for names.\n';
const RESTORE_USAGE =
  'Usage: ipvsadm-restore [--strict-compat] < FILE\n  Replaces what there is by what the rules of standard input say.\n';

async function saveProgram(argv: readonly string[], io: ProgramIo): Promise<number> {
  const options = argv.filter((one) => one.startsWith('-'));
  if (options.some((one) => one !== '-n' && one !== '--all')) {
    await io.err(SAVE_USAGE);
    return 1;
  }
  return ipvsadm(['-S', ...options.filter((one, i) => options.indexOf(one) === i)], io);
}

async function restoreProgram(argv: readonly string[], io: ProgramIo): Promise<number> {
  if (argv.some((one) => one !== '--strict-compat')) {
    await io.err(RESTORE_USAGE);
    return EXIT.usage;
  }
  return withTable(io, (table) =>
    (argv.length === 0 ? replaceByRules : replaceStrictly)(io.input(), { ...io, table }),
  );
}

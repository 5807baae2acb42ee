/** The command line: reads it, calls the verb, turns errors into words and exit codes. */
import { type Command, CommanderError } from 'commander';
import { EXIT, exitCodeOf } from './exit.ts';
import { buildProgram } from './program.ts';
import { type GlobalOptions, type Io, openSession, write } from './session.ts';
import { cleanLines } from './text.ts';
import type { Verb } from './verb.ts';

/** Does a verb with what its command was given; resolves to the exit code. */
async function perform(io: Io, verb: Verb, command: Command, program: Command): Promise<number> {
  const given = program.getOptionValueSource('config') === 'cli';
  const session = openSession(io, program.opts<GlobalOptions>(), given);
  try {
    return await verb.run(session, command.args[0], command.opts(), command.args);
  } catch (error) {
    if (isClosedPipe(error)) return EXIT.done;
    await write(io.stderr, `weir: ${messageOf(error)}\n`);
    return verb.exitCode === undefined ? exitCodeOf(error) : verb.exitCode(error);
  }
}

/** The reader of our output has seen enough (`weir connections | head`). */
const isClosedPipe = (error: unknown) => (error as NodeJS.ErrnoException | undefined)?.code === 'EPIPE';

function messageOf(error: unknown): string {
  const { code, path, message } = error as NodeJS.ErrnoException;
  if (path !== undefined && code === 'ENOENT') return cleanLines(`there is no file ${path}`);
  if (path !== undefined && (code === 'EACCES' || code === 'EPERM'))
    return cleanLines(`you may not use ${path}; try as root`);
  if (code === 'EISDIR') return 'a directory was named where a file is read';
  return cleanLines(error instanceof Error ? message : String(error));
}

/**
 * Runs `weir` with these arguments (without the program's name) and resolves to its exit code. Never rejects for what
 * a user did; data goes to `io.stdout`, talk to `io.stderr`.
 */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  let exit: number = EXIT.done;
  // A closed pipe is told to the write that meets it; the stream's event, which may come later, would end the process.
  io.stdout.on('error', () => {});
  const program = buildProgram(io, async (verb, command, whole) => {
    exit = await perform(io, verb, command, whole);
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exit;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  }
}

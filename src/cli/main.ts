/** The command line: reads it, calls the verb, turns errors into words and exit codes. */
import { Command, CommanderError, Option } from 'commander';
import { VERSION } from '../api/version.ts';
import { EXIT, exitCodeOf } from './exit.ts';
import { COLOR_MODES, FORMATS, type GlobalOptions, type Io, openSession, write } from './session.ts';
import { cleanLines } from './text.ts';
import type { Verb } from './verb.ts';
import { disable, drain, enable, undrain } from './verbs/admin.ts';
import { agent } from './verbs/agent.ts';
import { apply, diff, reload } from './verbs/change.ts';
import { check } from './verbs/check.ts';
import { connections } from './verbs/connections.ts';
import { down } from './verbs/down.ts';
import { events } from './verbs/events.ts';
import { importVerb } from './verbs/import.ts';
import { migrate } from './verbs/migrate.ts';
import { overrides } from './verbs/overrides.ts';
import { restore, save } from './verbs/rules.ts';
import { run } from './verbs/run.ts';
import { servers, services } from './verbs/services.ts';
import { stats } from './verbs/stats.ts';
import { version } from './verbs/version.ts';
import { zero } from './verbs/zero.ts';

/** All verbs in the order of the help. */
export const VERBS: readonly Verb[] = [
  run,
  agent,
  down,
  check,
  diff,
  apply,
  reload,
  migrate,
  importVerb,
  save,
  restore,
  drain,
  undrain,
  disable,
  enable,
  zero,
  services,
  servers,
  connections,
  stats,
  overrides,
  events,
  version,
];

const EXIT_CODES = `
Exit codes:
  0 done, 1 failed, 2 usage, 3 no such object, 4 daemon unreachable,
  5 refused by validation, 6 conflict; diff: 0 same, 1 different, >1 trouble`;

function examplesText(examples: Verb['examples']): string {
  const lines = examples.map(([line, purpose]) => `  ${line}\n      ${purpose}`);
  return `\nExamples:\n${lines.join('\n')}`;
}

function addVerb(program: Command, verb: Verb, io: Io, end: (code: number) => void): void {
  const command = program
    .command(verb.operands === undefined ? verb.name : `${verb.name} ${verb.operands}`)
    .summary(verb.summary)
    .description(verb.description)
    .helpGroup(verb.group)
    .addHelpText('after', examplesText(verb.examples));
  verb.options?.(command);
  command.action(async () => {
    const globals = program.opts<GlobalOptions>();
    const given = program.getOptionValueSource('config') === 'cli';
    const session = openSession(io, globals, given);
    try {
      end(await verb.run(session, command.args[0], command.opts(), command.args));
    } catch (error) {
      if (isClosedPipe(error)) return end(EXIT.done);
      await write(io.stderr, `weir: ${messageOf(error)}\n`);
      end(verb.exitCode === undefined ? exitCodeOf(error) : verb.exitCode(error));
    }
  });
}

/** The reader of our output has seen enough (`weir connections | head`). */
const isClosedPipe = (error: unknown) => (error as NodeJS.ErrnoException | undefined)?.code === 'EPIPE';

function messageOf(error: unknown): string {
  const { code, path, message } = error as NodeJS.ErrnoException;
  if (path !== undefined && code === 'ENOENT') return cleanLines(`there is no file ${path}`);
  if (path !== undefined && code === 'EACCES') return cleanLines(`${path} may not be read; try as root`);
  return cleanLines(error instanceof Error ? message : String(error));
}

function buildProgram(io: Io, end: (code: number) => void): Command {
  const program = new Command('weir')
    .description('A layer-4 load-balancing director in the tradition of Linux Virtual Server.')
    .version(VERSION, '-V, --version', 'print the version of this program')
    .option('-c, --config <file>', 'configuration file', '/etc/weir/weir.yaml')
    .option('--run-dir <dir>', 'where the control socket lies', '/run/weir')
    .option('--state-dir <dir>', 'where the host’s original settings are kept', '/var/lib/weir')
    .option('--pin-dir <dir>', 'where the data plane is pinned', '/sys/fs/bpf/weir')
    .addOption(new Option('-o, --output <format>', 'how to print').choices(FORMATS).default('table'))
    .option('--no-headers', 'tables without their titles')
    .addOption(new Option('--color <when>', 'colours').choices(COLOR_MODES).default('auto'))
    .usage('[options] <verb>')
    .addHelpCommand(
      new Command('help').argument('[verb]').description('show a verb’s help').helpGroup('Looking:'),
    )
    .configureHelp({ showGlobalOptions: true, subcommandTerm: (command) => command.name() })
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: (text, put) => put(cleanLines(text.replace(/^error: /, 'weir: '))),
      getOutHelpWidth: () => io.columns ?? 80,
      getErrHelpWidth: () => io.columns ?? 80,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .showSuggestionAfterError(true)
    .exitOverride()
    .addHelpText('after', EXIT_CODES);
  for (const verb of VERBS) addVerb(program, verb, io, end);
  return program;
}

/**
 * Runs `weir` with these arguments (without the program's name) and resolves to its exit code. Never rejects for what
 * a user did; data goes to `io.stdout`, talk to `io.stderr`.
 */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  let exit: number = EXIT.done;
  // A closed pipe is told to the write that meets it; the stream's event, which may come later, would end the process.
  io.stdout.on('error', () => {});
  const program = buildProgram(io, (code) => {
    exit = code;
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exit;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  }
}

/** The command line of `weir`: its verbs, options and help. */
import { Command, Option } from 'commander';
import { VERSION } from '../api/version.ts';
import { nearest } from '../config/nearest.ts';
import { EXIT_CODES } from './exit.ts';
import { modelOf, type ProgramModel } from './model.ts';
import { COLOR_MODES, FORMATS } from './session.ts';
import { cleanLines } from './text.ts';
import type { Verb } from './verb.ts';
import { disable, drain, enable, undrain } from './verbs/admin.ts';
import { agent } from './verbs/agent.ts';
import { apply, diff, reload } from './verbs/change.ts';
import { check } from './verbs/check.ts';
import { completion } from './verbs/completion.ts';
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
import { status } from './verbs/status.ts';
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
  status,
  services,
  servers,
  connections,
  stats,
  overrides,
  events,
  completion(programModel),
  version,
];

/** Where what is printed goes, and how wide lines may be. */
export interface ProgramIo {
  readonly stdout: Pick<NodeJS.WritableStream, 'write'>;
  readonly stderr: Pick<NodeJS.WritableStream, 'write'>;
  readonly columns?: number | undefined;
}

/** Does a verb, as its command was given. */
export type Act = (verb: Verb, command: Command, program: Command) => Promise<void>;

const DESCRIPTION =
  'A layer-4 load-balancing director in the tradition of Linux Virtual Server. `weir run` is the daemon, which keeps the ' +
  'kernel as its configuration file says; most other verbs ask it. To begin: write /etc/weir/weir.yaml, then `weir check`, `weir run`.';

/** What operands and values of options are written like. */
export const NAMES: readonly (readonly [string, string])[] = [
  ['<service>', 'tcp/203.0.113.100:80 or tcp/[2001:db8::100]:80; or the address alone'],
  ['<server>', '192.168.1.101 for all of its ports, 192.168.1.101:80 for one'],
  ['<time>', '90s, 15m, 1h30m'],
];

const namesText = () => {
  const lines = NAMES.map(([name, text]) => `  ${name.padEnd(11)}${text}`);
  return `\nHow they are written:\n${lines.join('\n')}`;
};

const exitCodesText = () => {
  const rows = EXIT_CODES.map(([code, meaning]) => `${code} ${meaning}`);
  return `\nExit codes:\n  ${rows.slice(0, 5).join(', ')},\n  ${rows.slice(5).join(', ')}; diff: 0 same, 1 different, >1 trouble`;
};

function examplesText(examples: Verb['examples']): string {
  const lines = examples.map(([line, purpose]) => `  ${line}\n      ${purpose}`);
  return `\nExamples:\n${lines.join('\n')}`;
}

function addVerb(program: Command, verb: Verb, act: Act): void {
  const command = program
    .command(verb.operands === undefined ? verb.name : `${verb.name} ${verb.operands}`)
    .summary(verb.summary)
    .description(verb.description)
    .helpGroup(verb.group)
    .helpOption('-h, --help', 'show this help')
    .showHelpAfterError(`\`weir help ${verb.name}\` has its operands, options and examples`)
    .addHelpText('after', examplesText(verb.examples));
  verb.options?.(command);
  command.action(() => act(verb, command, program));
}

/** Commander's own shows the whole help for a word that is no verb. */
function addHelp(program: Command): void {
  const help = program.command('help [verb]').summary('show a verb’s help').helpGroup('Looking:');
  help.action((name?: string) => {
    const found = name === undefined ? program : program.commands.find((one) => one.name() === name);
    if (found !== undefined) return found.help();
    const near = nearest(
      name ?? '',
      program.commands.map((one) => one.name()),
    );
    const hint = near === undefined ? '' : `; did you mean ${near}?`;
    program.error(`error: there is no verb ${name}${hint}`);
  });
}

/** The program as commander has it; its verbs are done by `act`. */
export function buildProgram(io: ProgramIo, act: Act): Command {
  const program = new Command('weir')
    .description(DESCRIPTION)
    .version(VERSION, '-V, --version', 'print the version of this program')
    .option('-c, --config <file>', 'configuration file', '/etc/weir/weir.yaml')
    .option('--run-dir <dir>', 'where the control socket lies', '/run/weir')
    .option('--state-dir <dir>', 'where the host’s original settings are kept', '/var/lib/weir')
    .option('--pin-dir <dir>', 'where the data plane is pinned', '/sys/fs/bpf/weir')
    .addOption(new Option('-o, --output <format>', 'how to print').choices(FORMATS).default('table'))
    .option('--no-headers', 'tables without their titles')
    .addOption(new Option('--color <when>', 'colours').choices(COLOR_MODES).default('auto'))
    .usage('[options] <verb>')
    .helpCommand(false)
    .helpOption('-h, --help', 'show this help')
    .showHelpAfterError('`weir help` lists all verbs and options')
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
    .addHelpText('after', `${namesText()}\n${exitCodesText()}`);
  for (const verb of VERBS) addVerb(program, verb, act);
  addHelp(program);
  return program;
}

/** The command line as values. */
export function programModel(): ProgramModel {
  const silent = { write: () => true };
  const program = buildProgram({ stdout: silent, stderr: silent }, async () => {});
  return modelOf(program, VERBS);
}

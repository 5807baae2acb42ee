/** What may stand where a command line ends: the logic of completions, for every shell the same. */
import type { OperandModel, OptionModel, ProgramModel, VerbModel } from './model.ts';

/** What only the machine knows: names of what is balanced, and of interfaces. */
export type Live = 'service' | 'server' | 'interface';

/** What may stand there: these words, each with what is said of it; names of these kinds; or paths. */
export interface Completion {
  readonly words: readonly (readonly [word: string, description: string])[];
  readonly live: readonly Live[];
  readonly paths: 'files' | 'dirs' | undefined;
  /** What stands before a name within its word, such as `--service=`. */
  readonly before: string;
  /** The run directory that the line names. */
  readonly runDir: string | undefined;
}

/** What a value is, by the word that help has for it. */
const KINDS: Readonly<Record<string, Pick<Completion, 'live' | 'paths'>>> = {
  file: { live: [], paths: 'files' },
  command: { live: [], paths: 'files' },
  dir: { live: [], paths: 'dirs' },
  service: { live: ['service'], paths: undefined },
  server: { live: ['server'], paths: undefined },
  name: { live: ['service', 'server'], paths: undefined },
  interface: { live: ['interface'], paths: undefined },
};

/** A line up to its last word, read as commander reads it. */
interface Line {
  readonly verb: VerbModel | undefined;
  /** True after `weir help`. */
  readonly isHelp: boolean;
  /** How many operands of the verb there are. */
  readonly operands: number;
  /** The option whose value the last word is. */
  readonly pending: OptionModel | undefined;
  /** True after `--`. */
  readonly operandsOnly: boolean;
  readonly runDir: string | undefined;
}

const EMPTY: Line = {
  verb: undefined,
  isHelp: false,
  operands: 0,
  pending: undefined,
  operandsOnly: false,
  runDir: undefined,
};

const optionsOf = (model: ProgramModel, { verb }: Line): readonly OptionModel[] => [
  ...(verb?.options ?? []),
  ...model.options,
];

function readWord(model: ProgramModel, line: Line, word: string): Line {
  if (line.pending !== undefined) {
    const isRunDir = line.pending.names.includes('--run-dir');
    return { ...line, pending: undefined, ...(isRunDir && { runDir: word }) };
  }
  if (word === '--' && !line.operandsOnly) return { ...line, operandsOnly: true };
  if (word.startsWith('-') && !line.operandsOnly) {
    const option = optionsOf(model, line).find(({ names }) => names.includes(word));
    return option?.value === undefined ? line : { ...line, pending: option };
  }
  if (line.isHelp || line.verb !== undefined) return { ...line, operands: line.operands + 1 };
  return { ...line, isHelp: word === 'help', verb: model.verbs.find(({ name }) => name === word) };
}

/** What may stand in place of the last of `words`, which are those after the program's name; that one may be empty. */
export function complete(model: ProgramModel, words: readonly string[]): Completion {
  const last = words.at(-1) ?? '';
  const line = words.slice(0, -1).reduce<Line>((before, word) => readWord(model, before, word), EMPTY);
  const found = { ...candidates(model, line, last), runDir: line.runDir };
  return { ...found, words: found.words.filter(([word]) => word.startsWith(last)) };
}

function candidates(model: ProgramModel, line: Line, last: string): Omit<Completion, 'runDir'> {
  if (line.pending !== undefined) return valued(line.pending.value, line.pending.choices);
  if (last.startsWith('-') && !line.operandsOnly) {
    const [name = '', value] = last.split('=', 2);
    const known = optionsOf(model, line);
    const option = value === undefined ? undefined : known.find(({ names }) => names.includes(name));
    if (option !== undefined) return valued(option.value, option.choices, `${name}=`);
    return ofWords(known.map(({ names, description }) => [names.at(-1) ?? '', description]));
  }
  if (line.verb !== undefined) return operandOf(line.verb.operands, line.operands);
  if (line.isHelp && line.operands > 0) return ofWords([]);
  const help = line.isHelp ? [] : [['help', 'show a verb’s help'] as const];
  return ofWords([...model.verbs.map(({ name, summary }) => [name, summary] as const), ...help]);
}

const ofWords = (words: Completion['words'], before = ''): Omit<Completion, 'runDir'> => ({
  words,
  live: [],
  paths: undefined,
  before,
});

function valued(value = '', choices: readonly string[] = [], before = ''): Omit<Completion, 'runDir'> {
  const words = choices.map((choice) => [`${before}${choice}`, ''] as const);
  return { ...ofWords(words, before), ...(choices.length === 0 && KINDS[value]) };
}

function operandOf(operands: readonly OperandModel[], at: number): Omit<Completion, 'runDir'> {
  const last = operands.at(-1);
  const operand = operands[at] ?? (last?.many === true ? last : undefined);
  return operand === undefined ? ofWords([]) : valued(operand.name, operand.choices);
}

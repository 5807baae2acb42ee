/** The command line as plain values: what completions and the manual page are made of. */
import type { Argument, Command, Option } from 'commander';
import type { Verb } from './verb.ts';

/** An option, as its help names it. */
export interface OptionModel {
  /** Such as `-c, --config <file>`. */
  readonly flags: string;
  /** All words it is written with: `-c`, `--config`. */
  readonly names: readonly string[];
  /** What follows it, such as `file`; undefined where nothing does. */
  readonly value: string | undefined;
  readonly description: string;
  /** The words that may follow; empty where any may. */
  readonly choices: readonly string[];
  /** What holds when it is left out, if that is worth saying. */
  readonly fallback: string | undefined;
}

/** A word of a command line that is no option. */
export interface OperandModel {
  /** Such as `service`. */
  readonly name: string;
  /** True when several may follow. */
  readonly many: boolean;
  readonly choices: readonly string[];
}

export interface VerbModel extends Pick<Verb, 'name' | 'group' | 'summary' | 'description' | 'examples'> {
  /** Without the program's name, such as `drain [options] <server>`. */
  readonly usage: string;
  readonly operands: readonly OperandModel[];
  /** Its own options. */
  readonly options: readonly OptionModel[];
}

export interface ProgramModel {
  readonly name: string;
  readonly description: string;
  /** Options that every verb takes. */
  readonly options: readonly OptionModel[];
  readonly verbs: readonly VerbModel[];
}

const HELP: OptionModel = {
  flags: '-h, --help',
  names: ['-h', '--help'],
  value: undefined,
  description: 'show this help',
  choices: [],
  fallback: undefined,
};

const optionModel = (option: Option): OptionModel => ({
  flags: option.flags,
  names: [option.short, option.long].filter((name) => name !== undefined),
  value: /[<[](.+)[>\]]$/.exec(option.flags)?.[1],
  description: option.description,
  choices: option.argChoices ?? [],
  fallback: typeof option.defaultValue === 'string' ? option.defaultValue : undefined,
});

const operandModel = (argument: Argument, choices: Verb['choices']): OperandModel => ({
  name: argument.name(),
  many: argument.variadic,
  choices: choices?.[argument.name()] ?? [],
});

/** The model of a program whose commands are these verbs. */
export function modelOf(program: Command, verbs: readonly Verb[]): ProgramModel {
  return {
    name: program.name(),
    description: program.description(),
    options: [...program.options.map(optionModel), HELP],
    verbs: verbs.flatMap((verb) => {
      const command = program.commands.find((one) => one.name() === verb.name);
      if (command === undefined) return [];
      const { name, group, summary, description, examples } = verb;
      const words = { name, group, summary, description, examples };
      const operands = command.registeredArguments.map((one) => operandModel(one, verb.choices));
      const usage = `${name} ${command.usage()}`;
      return [{ ...words, usage, operands, options: command.options.map(optionModel) }];
    }),
  };
}

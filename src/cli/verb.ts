/** What a verb of `weir` is. */
import type { Command } from 'commander';
import type { Session } from './session.ts';

/** One verb: how it reads on the command line, and what it does. */
export interface Verb {
  readonly name: string;
  /** Positional arguments as commander writes them, such as `[SERVICE]`. */
  readonly operands?: string;
  /** The words that an operand may be, by its name; the verb itself refuses others. */
  readonly choices?: Readonly<Record<string, readonly string[]>>;
  /** Under which heading the help lists it. */
  readonly group: 'Daemon:' | 'Configuration:' | 'Looking:';
  /** One line for the list of verbs. */
  readonly summary: string;
  /** What the verb's own help says besides; ends with a full stop. */
  readonly description: string;
  /** Pairs of a command line and what it is good for. */
  readonly examples: readonly (readonly [string, string])[];
  /** Adds the verb's own options. */
  options?(command: Command): void;
  /** Does it; resolves to the exit code. `own` holds the verb's own options, `operands` all of its operands. */
  run(
    session: Session,
    operand: string | undefined,
    own: Readonly<Record<string, unknown>>,
    operands: readonly string[],
  ): Promise<number>;
  /** The exit code for an error, where it is not the one of `exitCodeOf`. */
  exitCode?(error: unknown): number;
}

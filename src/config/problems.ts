/** What is wrong with a configuration file, and how to say it. */

/** Where in the file's tree something stands: keys and list positions from the root. */
export type Path = readonly (string | number)[];

/** One mistake in a configuration file. */
export interface ConfigProblem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 code units. */
  readonly column: number;
  /** Such as `services[0].servers[1].port`; empty when the file as a whole is meant. */
  readonly path: string;
  readonly message: string;
  /** What would have been right, to be read after "expected". */
  readonly expected?: string;
  /** The right word nearest to what was written. */
  readonly nearest?: string;
}

/** A mistake before its line and column are looked up. */
export interface Finding {
  readonly path: Path;
  readonly message: string;
  readonly expected?: string | undefined;
  readonly nearest?: string | undefined;
  /** Whether the key or its value is at fault; the value if absent. */
  readonly part?: 'key' | 'value' | 'missing';
  /** Where the same thing was said before; its line is added to the message. */
  readonly earlier?: Path;
  /** Place in the text, where it is not that of the path. */
  readonly offset?: number;
}

/** The longest piece of the file that a message repeats, in characters. */
const LONGEST_QUOTE = 48;
/** The longest stretch of a source line that is shown around a caret, in characters. */
const LONGEST_LINE = 120;

/** `services[0].servers[1].port`; keys that are not plain words stand in quotes: `host.sysctls["net.core.somaxconn"]`. */
export function formatPath(path: Path): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${quote(part)}]`;
  }
  return text;
}

/** Text from the file in quotes, shortened, and with nothing in it that a terminal would obey. */
export function quote(text: string): string {
  const short = text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE - 1)}…` : text;
  return harmless(JSON.stringify(short));
}

/** A value from the file as a message names it: `"wlx"`, `80`, `a list`. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a group of keys';
  return String(value);
}

/** One line: `weir.yaml:12:14: services[0].scheduler: "wlx" is not a scheduler; expected …; did you mean "wlc"?` */
export function formatProblem(problem: ConfigProblem): string {
  const where = `${problem.file}:${problem.line}:${problem.column}: `;
  const what = problem.path === '' ? problem.message : `${problem.path}: ${problem.message}`;
  const expected = problem.expected === undefined ? '' : `; expected ${problem.expected}`;
  const hint = problem.nearest === undefined ? '' : `; did you mean ${quote(problem.nearest)}?`;
  return `${where}${what}${expected}${hint}`;
}

/** `formatProblem`, and under it the line of `text` that is meant, with a caret below the place. */
export function formatProblemWithSource(problem: ConfigProblem, text: string): string {
  return formatProblems([problem], text);
}

/** All problems with their lines of `text`, a blank line between two; the file's text is split only once. */
export function formatProblems(problems: readonly ConfigProblem[], text: string): string {
  const lines = text.split('\n');
  return problems
    .map((problem) => [formatProblem(problem), ...caret(problem, lines[problem.line - 1])].join('\n'))
    .join('\n\n');
}

function caret(problem: ConfigProblem, line: string | undefined): readonly string[] {
  if (line === undefined || line.trim() === '') return [];
  const from = problem.column > LONGEST_LINE ? problem.column - LONGEST_LINE / 2 : 0;
  const shown = line.slice(from, from + LONGEST_LINE).replace(/\r$/, '');
  // A tab above must have a tab below it, or the caret stands in the wrong place.
  const indent = shown.slice(0, problem.column - 1 - from).replaceAll(/[^\t]/g, ' ');
  const number = String(problem.line);
  const margin = ' '.repeat(number.length);
  return [`  ${number} | ${harmless(shown)}`, `  ${margin} | ${indent}^`];
}

/** Control and invisible characters as `·`; tabs stay. */
function harmless(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (c) => (c === '\t' ? c : '·'));
}

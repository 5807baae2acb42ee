/** A text of rules → commands, or the first line that makes no sense. */
import type { Command, Parsed, Refusal } from './command.ts';

/** A rule and where it stands: the number of its line, from 1. */
export interface Rule {
  readonly line: number;
  readonly command: Command;
}

/** What is wrong with a text, for people. */
export interface RulesMistake extends Pick<Refusal, 'code'> {
  /** `line 3, column 7: …`. */
  readonly text: string;
}

/** A word of a line: where it begins, from 0. */
export interface Piece {
  readonly text: string;
  readonly start: number;
}

const BLANKS = ' \t\r\n';

/** The words of a line. Nothing is quoted; `ipvsadm` itself is left out wherever it stands. */
export function piecesOf(line: string): readonly Piece[] {
  const pieces: Piece[] = [];
  for (let start = 0; start < line.length; ) {
    let end = start;
    while (end < line.length && !BLANKS.includes(line[end]!)) end++;
    if (end > start) {
      const text = line.slice(start, end);
      if (text !== 'ipvsadm') pieces.push({ text, start });
    }
    start = end + 1;
  }
  return pieces;
}

/** What no text has: control characters but for tab, newline and carriage return. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const BINARY = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]/;

const place = (line: number, column: number) => `line ${line}, column ${column + 1}`;

/** Says where a text is none; undefined for text. */
function binaryMistake(text: string): RulesMistake | undefined {
  const at = text.search(BINARY);
  if (at < 0) return undefined;
  const before = text.slice(0, at).split('\n');
  const code = text.charCodeAt(at);
  const what = code === 0xfffd ? 'bytes that are not UTF-8' : `byte 0x${code.toString(16).padStart(2, '0')}`;
  return {
    text: `${place(before.length, before.at(-1)!.length)}: ${what}: this is no text of rules`,
    code: 2,
  };
}

/** What of a text of rules is read. */
export interface ReadOptions {
  /** Whether lines that begin with `#` are left out. */
  readonly comments: boolean;
  /** Reads one command line. */
  readonly parse: (argv: readonly string[]) => Parsed | Promise<Parsed>;
}

/** Reads all rules, or says which is the first that makes no sense; nothing of the text counts then. */
export async function readRules(
  text: string,
  { comments, parse }: ReadOptions,
): Promise<{ readonly rules: readonly Rule[] } | { readonly mistake: RulesMistake }> {
  const binary = binaryMistake(text);
  if (binary !== undefined) return { mistake: binary };
  const rules: Rule[] = [];
  let number = 0;
  for (const line of linesOf(text)) {
    number++;
    if (comments && line.startsWith('#')) continue;
    const pieces = piecesOf(line);
    if (pieces.length === 0) continue;
    const answer = parse(pieces.map((piece) => piece.text));
    const parsed = answer instanceof Promise ? await answer : answer;
    const refusal = parsed.ok ? refusalInRules(parsed.command) : parsed.refusal;
    if (refusal !== undefined)
      return { mistake: { text: mistakeText(number, line, pieces, refusal), code: refusal.code } };
    if (parsed.ok) rules.push({ line: number, command: parsed.command });
  }
  return { rules };
}

/** One by one: there may be a hundred thousand. */
function* linesOf(text: string): Generator<string> {
  let start = 0;
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
    yield text.slice(start, end);
    start = end + 1;
  }
  yield text.slice(start);
}

/** Rules cannot be read from among rules. */
function refusalInRules({ kind }: Command): Refusal | undefined {
  return kind === 'restore' ? { text: 'rules do not stand among rules', code: 255, ends: true } : undefined;
}

function mistakeText(number: number, line: string, pieces: readonly Piece[], { text, at }: Refusal): string {
  const start = (pieces[at ?? 0] ?? pieces[0]!).start;
  const hint = line.trimStart().startsWith('#')
    ? 'a comment, which ipvsadm-restore leaves out and -R does not'
    : undefined;
  return `${place(number, start)}: ${hint ?? text.trimEnd()}`;
}

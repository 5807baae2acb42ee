/** A page of the guide as a test reads it: which files it shows, which commands, and what they are said to print. */

/** A command line of a page. */
export interface Command {
  /** Its line in the page, from 1. */
  readonly line: number;
  /** Where it is typed: `director` for `$`, the name before the prompt otherwise, e.g. `client1`. */
  readonly host: string;
  readonly text: string;
  /** What the page shows below it; nothing when it shows nothing. */
  readonly output: readonly string[];
  /** The exit code it is to have. */
  readonly exit: number;
}

/** A piece of a page, in order. */
export type Piece =
  | { readonly kind: 'config'; readonly line: number; readonly text: string }
  | { readonly kind: 'command'; readonly command: Command }
  /** For another machine or another day: it has to be a right shell script, and is not run. */
  | { readonly kind: 'script'; readonly line: number; readonly text: string };

/** Indented, a line would look like a command and be run by nobody. */
const ASTRAY = /^\s+\$ |^ {4}(?:weir|curl|make|ip|nft|tc|bpftool|systemctl|apt-get) /;
const PROMPT = /^(?:(client\d|server\d))?\$ (.*)$/;

/**
 * Reads a page. Its fenced blocks are
 *
 * - `yaml`: a configuration, which is in force from there on;
 * - `console`: commands behind a prompt (`$`, `client1$`, `server1$`), each with what it prints. The comment
 *   `<!-- exit 1 -->` before the block says how its last command ends, if not with 0;
 * - `sh`: commands that the reader runs elsewhere, behind a comment `<!-- not run: why -->`;
 * - `text`: anything else.
 *
 * Throws an Error that names the line for what is none of these, and for a prompt outside of such a block.
 */
export function readPage(page: string): Piece[] {
  const lines = page.split('\n');
  const pieces: Piece[] = [];
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!;
    const language = /^```(\w*)$/.exec(line)?.[1];
    if (language === undefined) {
      if (ASTRAY.test(line)) throw new Error(`line ${at + 1} has a command outside of a console block`);
      continue;
    }
    const end = lines.indexOf('```', at + 1);
    if (end < 0) throw new Error(`the block of line ${at + 1} has no end`);
    const body = lines.slice(at + 1, end);
    const comment = /^<!-- (.*) -->$/.exec(lines[at - 1] ?? '')?.[1];
    pieces.push(...readBlock(language, at + 1, body, comment));
    at = end;
  }
  return pieces;
}

function readBlock(
  language: string,
  line: number,
  body: readonly string[],
  comment: string | undefined,
): Piece[] {
  const text = `${body.join('\n')}\n`;
  switch (language) {
    case 'yaml':
      return [{ kind: 'config', line, text }];
    case 'console':
      return readConsole(line, body, Number(/^exit (\d+)$/.exec(comment ?? '')?.[1] ?? 0));
    case 'sh':
      if (!/^not run: \w/.test(comment ?? ''))
        throw new Error(`the sh block of line ${line} does not say why it is not run`);
      return [{ kind: 'script', line, text }];
    case 'text':
      return [];
    default:
      throw new Error(
        `the block of line ${line} is ${language || 'of no kind'}, not yaml, console, sh or text`,
      );
  }
}

function readConsole(line: number, body: readonly string[], exit: number): Piece[] {
  const commands: { line: number; host: string; text: string; output: string[]; exit: number }[] = [];
  let goesOn = false;
  for (const [i, text] of body.entries()) {
    const last = commands.at(-1);
    const prompt = PROMPT.exec(text);
    if (goesOn) last!.text += `\n${text}`;
    else if (prompt !== null)
      commands.push({
        line: line + 1 + i,
        host: prompt[1] ?? 'director',
        text: prompt[2]!,
        output: [],
        exit: 0,
      });
    else if (last === undefined) throw new Error(`line ${line + 1 + i} has output of no command`);
    else last.output.push(text);
    goesOn = (goesOn || prompt !== null) && text.endsWith('\\');
  }
  if (commands.length > 0) commands.at(-1)!.exit = exit;
  return commands.map((command) => ({ kind: 'command', command }));
}

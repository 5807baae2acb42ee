/** YAML text → one document's nodes, within bounds that no honest file reaches. */
import { Composer, type CST, type Document, Lexer, LineCounter, Parser, type YAMLError } from 'yaml';
import type { Finding } from './problems.ts';

/** The largest file that is read, in bytes. */
const MAX_BYTES = 16 * 1024 * 1024;
/** How deep the parser's stack may grow; a configuration needs about ten. The composer recurses, so this is its bound too. */
const MAX_DEPTH = 64;

/** A document that could be read at least in part, and what is wrong with its syntax. */
export interface YamlText {
  readonly document: Document.Parsed | undefined;
  readonly findings: readonly Finding[];
  /** The line and column, both from 1, of an offset into the text. */
  position(offset: number): { readonly line: number; readonly column: number };
}

/** True for a text that no honest configuration has the size of. */
export function tooLarge(text: string): boolean {
  return text.length > MAX_BYTES || Buffer.byteLength(text) > MAX_BYTES;
}

/** The line and column, both from 1, of an offset into the text. */
export function positionsIn(text: string): YamlText['position'] {
  const lines = new LineCounter();
  // Not left to the parser, which passes over a line's end here and there in broken text.
  lines.addNewLine(0);
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines.addNewLine(at + 1);
  return (offset) => {
    const { line, col } = lines.linePos(Math.min(Math.max(offset, 0), text.length));
    return { line, column: col };
  };
}

/** Reads YAML 1.2 text; never throws. Without a document, the findings say why there is none. */
export function readYaml(text: string): YamlText {
  const position = positionsIn(text);
  const refused = (message: string, offset = 0): YamlText => ({
    document: undefined,
    findings: [{ path: [], message, offset }],
    position,
  });
  if (tooLarge(text))
    return refused('the file is larger than 16 MiB, which is too large for a configuration');

  const parser = new Parser();
  const tokens = readTokens(parser, text);
  if (tokens === undefined) return refused('too many levels, one inside the other', parser.offset);
  // Duplicate keys are looked for later: here each key would be compared with every other.
  const composer = new Composer({ version: '1.2', schema: 'core', merge: false, uniqueKeys: false });
  const [document, second] = [...composer.compose(tokens, true, text.length)] as Document.Parsed[];
  const findings = [...(document?.errors ?? []), ...(document?.warnings ?? [])].map(explain);
  if (second !== undefined)
    findings.push({
      path: [],
      message: 'a second document begins here; a configuration is one document',
      offset: second.range[0],
    });
  return { document, findings: firstPerLine(findings, position), position };
}

/** The text's tokens; undefined when they lie deeper in each other than the limit. */
function readTokens(parser: Parser, text: string): readonly CST.Token[] | undefined {
  const tokens: CST.Token[] = [];
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) tokens.push(token);
    if (parser.stack.length > MAX_DEPTH) return undefined;
  }
  for (const token of parser.end()) tokens.push(token);
  return tokens;
}

/** One slip often makes the parser complain several times about a line; the first complaint is the telling one. */
function firstPerLine(findings: readonly Finding[], position: YamlText['position']): readonly Finding[] {
  const seen = new Set<number>();
  return findings.filter(({ offset = 0 }) => {
    const { line } = position(offset);
    if (seen.has(line)) return false;
    seen.add(line);
    return true;
  });
}

/** The parser's commonest complaints in plain words; the rest in its own. */
const PLAIN_WORDS: Readonly<Partial<Record<YAMLError['code'], string>>> = {
  TAB_AS_INDENT: 'a tab cannot indent a line in YAML; use spaces',
  BLOCK_AS_IMPLICIT_KEY: 'two ": " on one line; a text with a colon in it needs quotes',
  MULTILINE_IMPLICIT_KEY: 'this is not a "key: value" line; is the colon, or the space after it, missing?',
  BAD_INDENT: 'the indentation does not fit the lines above',
  BAD_SCALAR_START: 'a text that begins with this character needs quotes',
  TAG_RESOLVE_FAILED: 'tags ("!…") have no meaning here; remove it',
};

function explain(error: YAMLError): Finding {
  const own = error.message.charAt(0).toLowerCase() + error.message.slice(1);
  const offset = error.pos[0];
  if (/^Missing closing .quote/.test(error.message))
    return { path: [], message: 'a text that begins with a quote has no quote at its end', offset };
  if (error.code === 'BAD_INDENT' && error.message.startsWith('Flow'))
    return {
      path: [],
      message: 'a bracket opened above is not closed, or this line is not indented enough',
      offset,
    };
  return { path: [], message: PLAIN_WORDS[error.code] ?? own, offset };
}

/**
 * YAML in its plainest form, read some ten times as fast as by the library: a file of 10,000 services must not take
 * the seconds that the whole of YAML costs. What is read here means the same there, which plain.test.ts holds them to;
 * whatever else stands in a file, mistakes included, is left to the library. See docs/decisions/0012.
 *
 * Read are block and flow collections of words, whole numbers, true, false and quoted texts of one line without escapes, and comments.
 */
import { ownTexts } from './own-text.ts';
import type { Tree } from './tree.ts';
import { tooLarge } from './yaml.ts';

/** What is left of a text, and the column of what comes next on a line of its own; -1 at the text's end. */
interface Scan {
  readonly text: string;
  readonly patterns: ReturnType<typeof patterns>;
  readonly own: ReturnType<typeof ownTexts>;
  at: number;
  column: number;
}

/** How deep collections may lie in each other here; a configuration needs about five. */
const MAX_DEPTH = 16;
/** Control characters, tabs and carriage returns among them, and byte order marks. */
const UNUSUAL = /[^\n\P{Cc}]|\ufeff/u;

/** Patterns that match where they are told to: they hold that place, so each scan has its own. */
const patterns = () => ({
  /** A key with its colon, plain or quoted. Long ones may not be keys (YAML 1.2.2, 7.4.2). */
  blockKey: /(?:([A-Za-z][\w./-]{0,99})|"([^"\\\n]{0,99})"):(?=[ \n])/y,
  flowKey: /(?:([A-Za-z][\w./-]{0,99}):(?=[ \n])|"([^"\\\n]{0,99})":)/y,
  /** A word, or a text in quotes. */
  scalar: /([A-Za-z0-9/](?:[\w./:+%-]*[\w./+%-])?)|"([^"\\\n]*)"|'([^'\n]*)'/y,
});
const WHOLE_NUMBER = /^\d{1,15}$/;
/** Other numbers, other spellings of booleans, and nulls of YAML's core schema (YAML 1.2.2, 10.3.2). */
const MEANINGFUL = /^(?:\d+\.?\d*(?:e[+-]?\d+)?|0[ox].*|true|false|null)$/i;
const NOTHING_INSIDE: Tree['children'] = new Map();

/** The text's values with their places, the same as `readYaml` and `readTree` give; undefined where only those can tell. */
export function readPlain(text: string): Tree | undefined {
  if (tooLarge(text) || UNUSUAL.test(text)) return undefined;
  const scan: Scan = { text, patterns: patterns(), own: ownTexts(), at: 0, column: 0 };
  toNextLine(scan);
  if (text.startsWith('---\n', scan.at) && scan.column === 0) {
    scan.at += 4;
    toNextLine(scan);
  }
  if (scan.column !== 0) return undefined;
  const tree = text[scan.at] === '{' ? endOfLine(scan, readFlow(scan, -1, 0)) : readBlock(scan, 0, 0);
  return atEnd(scan) ? tree : undefined;
}

const atEnd = ({ column }: Scan): boolean => column === -1;

/** From a line's beginning to the next thing that is no comment. */
function toNextLine(scan: Scan): void {
  const { text } = scan;
  for (let begin = scan.at; begin < text.length; begin = scan.at) {
    skipSpaces(scan);
    const next = text[scan.at];
    if (next !== '#' && next !== '\n' && next !== undefined) {
      scan.column = scan.at - begin;
      return;
    }
    skipLine(scan);
  }
  scan.column = -1;
}

function skipSpaces(scan: Scan): void {
  while (scan.text.charCodeAt(scan.at) === 32) scan.at++;
}

function skipLine(scan: Scan): void {
  const end = scan.text.indexOf('\n', scan.at);
  scan.at = end === -1 ? scan.text.length : end + 1;
}

/** True if nothing but a comment stands on the rest of the line; goes on to the next one then. */
function endLine(scan: Scan): boolean {
  const from = scan.at;
  skipSpaces(scan);
  const next = scan.text[scan.at];
  const comment = next === '#' && scan.at > from;
  if (!comment && next !== '\n' && next !== undefined) return false;
  skipLine(scan);
  toNextLine(scan);
  return true;
}

const atItem = ({ text, at }: Scan): boolean => text.startsWith('- ', at);

/** Where a collection lies: `indent` is the column that its lines have, or that a flow collection's must be beyond. */
function readBlock(scan: Scan, indent: number, depth: number, keyStart?: number): Tree | undefined {
  if (depth > MAX_DEPTH) return undefined;
  return atItem(scan) ? readItems(scan, indent, depth, keyStart) : readEntries(scan, indent, depth, keyStart);
}

function readItems(scan: Scan, indent: number, depth: number, keyStart?: number): Tree | undefined {
  const start = scan.at;
  const items: Tree[] = [];
  do {
    const dash = scan.at++;
    skipSpaces(scan);
    const column = indent + scan.at - dash;
    const item = isKey(scan)
      ? readBlock(scan, column, depth + 1)
      : endOfLine(scan, readFlow(scan, indent, depth + 1));
    if (item === undefined || scan.column > indent) return undefined;
    items.push(item);
  } while (scan.column === indent && atItem(scan));
  return listOf(items, start, scan.at, keyStart);
}

function readEntries(scan: Scan, indent: number, depth: number, keyStart?: number): Tree | undefined {
  const start = scan.at;
  const entries = new Map<string, Tree>();
  do {
    const own = scan.at;
    const key = readKey(scan, scan.patterns.blockKey);
    if (key === undefined || entries.has(key)) return undefined;
    const value = readValue(scan, indent, depth + 1, own);
    if (value === undefined || scan.column > indent) return undefined;
    entries.set(key, value);
  } while (scan.column === indent && !atItem(scan));
  return mapOf(entries, start, scan.at, keyStart);
}

/** What stands after a key: on its line, or, indented, on those below; items may stand right below the key. */
function readValue(scan: Scan, indent: number, depth: number, keyStart: number): Tree | undefined {
  skipSpaces(scan);
  if (!endLine(scan)) return endOfLine(scan, readFlow(scan, indent, depth, keyStart));
  const below = scan.column > indent || (scan.column === indent && atItem(scan));
  return below ? readBlock(scan, scan.column, depth, keyStart) : undefined;
}

/** What was read, if nothing follows it on its line. */
const endOfLine = (scan: Scan, read: Tree | undefined): Tree | undefined =>
  read !== undefined && endLine(scan) ? read : undefined;

/** A scalar, or a collection in brackets, whose further lines begin beyond `indent`. */
function readFlow(scan: Scan, indent: number, depth: number, keyStart?: number): Tree | undefined {
  const next = scan.text[scan.at];
  if (depth > MAX_DEPTH) return undefined;
  if (next === '{') return readFlowMap(scan, indent, depth, keyStart);
  if (next === '[') return readFlowList(scan, indent, depth, keyStart);
  return readScalar(scan, keyStart);
}

function readFlowMap(scan: Scan, indent: number, depth: number, keyStart?: number): Tree | undefined {
  const start = scan.at;
  const entries = new Map<string, Tree>();
  const complete = readBetween(scan, '}', indent, () => {
    const own = scan.at;
    const key = readKey(scan, scan.patterns.flowKey);
    if (key === undefined || entries.has(key) || !skipFlow(scan, indent)) return false;
    const value = readFlow(scan, indent, depth + 1, own);
    if (value === undefined) return false;
    entries.set(key, value);
    return true;
  });
  return complete ? mapOf(entries, start, scan.at, keyStart) : undefined;
}

function readFlowList(scan: Scan, indent: number, depth: number, keyStart?: number): Tree | undefined {
  const start = scan.at;
  const items: Tree[] = [];
  const complete = readBetween(scan, ']', indent, () => {
    const item = readFlow(scan, indent, depth + 1);
    if (item !== undefined) items.push(item);
    return item !== undefined;
  });
  return complete ? listOf(items, start, scan.at, keyStart) : undefined;
}

/** Reads parts with commas between them from a bracket to the one that closes it; true if all could be read. */
function readBetween(scan: Scan, closing: string, indent: number, readPart: () => boolean): boolean {
  scan.at++;
  if (!skipFlow(scan, indent)) return false;
  if (scan.text[scan.at] === closing) return ++scan.at > 0;
  for (;;) {
    if (!readPart() || !skipFlow(scan, indent)) return false;
    const next = scan.text[scan.at++];
    if (next === closing) return true;
    if (next !== ',' || !skipFlow(scan, indent)) return false;
  }
}

/** Skips what may stand between the parts of a flow collection; false if a line begins too far left. */
function skipFlow(scan: Scan, indent: number): boolean {
  skipSpaces(scan);
  if (scan.text[scan.at] !== '\n') return scan.text[scan.at] !== '#';
  toNextLine(scan);
  return scan.column > indent;
}

const isKey = ({ text, at, patterns: { blockKey } }: Scan): boolean => {
  blockKey.lastIndex = at;
  return blockKey.test(text);
};

function readKey(scan: Scan, pattern: RegExp): string | undefined {
  pattern.lastIndex = scan.at;
  const match = pattern.exec(scan.text);
  if (match === null) return undefined;
  scan.at = pattern.lastIndex;
  const [, word, quoted] = match;
  // An assignment to this one would not make a key.
  if (quoted === '__proto__') return undefined;
  return word !== undefined && MEANINGFUL.test(word) ? undefined : (word ?? quoted);
}

function readScalar(scan: Scan, keyStart?: number): Tree | undefined {
  const start = scan.at;
  const { scalar } = scan.patterns;
  scalar.lastIndex = start;
  const match = scalar.exec(scan.text);
  if (match === null) return undefined;
  const end = scalar.lastIndex;
  scan.at = end;
  const [, word, double, single] = match;
  if (word === undefined)
    return { value: scan.own((double ?? single)!), start, end, keyStart, children: NOTHING_INSIDE };
  const number = WHOLE_NUMBER.test(word);
  const isSwitch = word === 'true' || word === 'false';
  if (!number && !isSwitch && MEANINGFUL.test(word)) return undefined;
  return {
    value: number ? Number(word) : isSwitch ? word === 'true' : scan.own(word),
    start,
    end,
    keyStart,
    children: NOTHING_INSIDE,
  };
}

function listOf(items: readonly Tree[], start: number, end: number, keyStart: number | undefined): Tree {
  const children = new Map(items.map((item, index) => [index, item]));
  return { value: items.map((item) => item.value), start, end, keyStart, children };
}

function mapOf(
  children: ReadonlyMap<string, Tree>,
  start: number,
  end: number,
  keyStart: number | undefined,
): Tree {
  const value: Record<string, unknown> = {};
  for (const [key, child] of children) value[key] = child.value;
  return { value, start, end, keyStart, children };
}

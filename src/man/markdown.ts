/** Pages of the guide → blocks of manual pages: paragraphs, tables, lists, code. What the guide says is said once. */
import { type Block, ended, type Term, term } from './page.ts';

/** The lines below a heading of the second level, up to the next; throws when the page has no such heading. */
export function sectionOf(markdown: string, heading: string): string {
  const lines = markdown.split('\n');
  const at = lines.indexOf(`## ${heading}`);
  if (at < 0) throw new Error(`the guide has no section "${heading}"`);
  const rest = lines.slice(at + 1);
  const end = rest.findIndex((line) => line.startsWith('## '));
  return (end < 0 ? rest : rest.slice(0, end)).join('\n');
}

/** What stands between the title of a page and its first heading of the second level. */
export const introductionOf = (markdown: string): string =>
  (markdown.split(/^## /m)[0] ?? '').replace(/^# .*\n/, '');

/** Comments, and links in brackets that lead away: `([why](…))`. */
const NOT_FOR_PAPER = /<!--[\s\S]*?-->\n?|\s\(\[[^\]]+\]\([^)]+\)\)/g;

/** All of a text as blocks; the reference of the configuration is weir.yaml(5) there. */
export function blocksOf(markdown: string): readonly Block[] {
  const blocks: Block[] = [];
  const text = markdown
    .replaceAll(NOT_FOR_PAPER, '')
    .replaceAll(/\[[^\]]+\]\([^)]*config\.md\)/g, 'weir.yaml(5)');
  let lines = text.split('\n');
  while (lines.length > 0) {
    const [first = ''] = lines;
    const take = first.trim() === '' ? nothing : TAKERS.find(([sign]) => sign.test(first))?.[1];
    const [block, used] = (take ?? paragraph)(lines);
    if (block !== undefined) blocks.push(block);
    lines = lines.slice(used);
  }
  return blocks;
}

/** Makes a block of the first lines; how many they were. */
type Taker = (lines: readonly string[]) => readonly [Block | undefined, number];

/** How many lines there are before the first that is no longer of it. */
function count(lines: readonly string[], isOfIt: (line: string) => boolean): number {
  const end = lines.findIndex((line) => !isOfIt(line));
  return end < 0 ? lines.length : end;
}

const nothing: Taker = () => [undefined, 1];

const fenced: Taker = (lines) => {
  const inner = count(lines.slice(1), (line) => !line.startsWith('```'));
  return [{ code: lines.slice(1, 1 + inner) }, inner + 2];
};

const indented: Taker = (lines) => {
  const used = count(lines, (line) => line.startsWith('    '));
  return [{ code: lines.slice(0, used).map((line) => line.slice(4)) }, used];
};

const heading: Taker = ([line = '']) => [{ heading: line.replace(/^#+ /, '') }, 1];

const cells = (line: string) =>
  line
    .replaceAll(/^\s*\||\|\s*$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));

/** The first column is the term; of several others each is said by its title. */
const table: Taker = (lines) => {
  const used = count(lines, (line) => line.trim().startsWith('|'));
  const [titles, , ...rows] = lines.slice(0, used).map(cells);
  const terms = rows.map(([name = '', ...rest]): Term => {
    const named = rest.flatMap((text, at) => (text === '–' ? [] : [ended(`${titles?.[at + 1]}: ${text}`)]));
    return term(name, rest.length > 1 ? named.join(' ') : (rest[0] ?? ''));
  });
  return [{ terms }, used];
};

/** Items, each with what is indented below it. */
const list: Taker = (lines) => {
  const used = count(lines, (line) => /^(- |\d+\. | {2}|$)/.test(line));
  const items: string[][] = [];
  for (const line of lines.slice(0, used)) {
    const [, number, text] = /^(?:- |(\d+\. ))(.*)$/.exec(line) ?? [];
    if (text === undefined) items.at(-1)?.push(line.replace(/^ {2,3}/, ''));
    else items.push([number ?? '', text]);
  }
  const terms = items.map(([number = '', ...inner]): Term => {
    return { term: number.trim() || '•', about: blocksOf(inner.join('\n')) };
  });
  return [{ terms }, used];
};

const paragraph: Taker = (lines) => {
  const used = count(lines, (line) => line.trim() !== '' && !TAKERS.some(([sign]) => sign.test(line)));
  return [{ text: lines.slice(0, Math.max(1, used)).join(' ') }, Math.max(1, used)];
};

const TAKERS: readonly (readonly [RegExp, Taker])[] = [
  [/^```/, fenced],
  [/^ {4}/, indented],
  [/^#+ /, heading],
  [/^\s*\|/, table],
  [/^(- |\d+\. )/, list],
];

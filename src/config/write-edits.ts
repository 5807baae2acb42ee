/** Edits made in a file's text: its comments, order, anchors and spellings stay. */
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  type Node,
  Pair,
  parseDocument,
  visit,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { diffLines } from '../core/text/line-diff.ts';
import type { Path } from './problems.ts';
import type { Edit } from './rule-edits.ts';

/**
 * The text after the edits; lines that no edit is about stay as they are, to the last space. An alias (`*name`) on the way to an
 * edit gives way to a copy of what it repeats; a value that aliases repeat elsewhere changes there, too, so that whoever writes the
 * text has to look what it means. Throws an Error where there is no such place.
 */
export function writeEdits(text: string, edits: readonly Edit[]): string {
  const document = parseDocument(text, OPTIONS);
  const style = {
    lineWidth: 0,
    indent: indentOf(document, text),
    indentSeq: indentsLists(document, text),
    flowCollectionPadding: !/\{\S/.test(text.replaceAll('{}', '')),
  };
  const before = document.toString(style);
  for (const edit of edits) makeEdit(document, edit);
  const after = document.toString(style);
  const merged = likeBefore(text.split('\n'), before.split('\n'), after.split('\n')).join('\n');
  return meansTheSame(merged, after) ? merged : after;
}

/** Lines of two hands need not go together: the text may stand in by another width than the library writes. */
function meansTheSame(a: string, b: string): boolean {
  if (a === b) return true;
  const read = parseDocument(a, OPTIONS);
  const values = (document: Document): string => JSON.stringify(document.toJS());
  return read.errors.length === 0 && values(read) === values(parseDocument(b, OPTIONS));
}

const OPTIONS = { version: '1.2', schema: 'core', merge: false, uniqueKeys: false } as const;

/** The library writes the whole text anew: where it has the same lines before and after the edits, those of the text are taken. */
function likeBefore(
  text: readonly string[],
  before: readonly string[],
  after: readonly string[],
): readonly string[] {
  if (text.length !== before.length) return after;
  return diffLines(before, after).flatMap((step) => {
    if (step.kind === '-') return [];
    return step.kind === '=' ? [text[step.a]!] : [after[step.b]!];
  });
}

function makeEdit(document: Document, edit: Edit): void {
  const { path } = edit;
  if (edit.kind === 'append') {
    const list = placeAt(document, path);
    if (!isSeq(list)) throw new Error(`${path.join('.')} is no list`);
    append(document, list, edit.value);
    return;
  }
  const place = placeAt(document, path.slice(0, -1));
  const last = path.at(-1)!;
  if (edit.kind === 'remove') remove(place, last);
  else set(document, place as YAMLMap, String(last), edit.value);
}

/** What stands there, as its own: no alias lies on the way. */
function placeAt(document: Document, path: Path): YAMLMap | YAMLSeq {
  let at: unknown = document.contents;
  for (const part of path) {
    if (!isCollection(at)) break;
    const parent = at as YAMLMap | YAMLSeq;
    let next: unknown = parent.get(part, true);
    if (isAlias(next)) {
      next = ownCopy(next.resolve(document) as Node | undefined, parent.flow === true);
      parent.set(part, next);
    }
    at = next;
  }
  if (isMap(at) || isSeq(at)) return at as YAMLMap | YAMLSeq;
  throw new Error(`${path.join('.')} is nothing that can be changed`);
}

/** A copy without anchors, which are names of one place each, and without comments, which are said there already. */
function ownCopy(node: Node | undefined, flow: boolean): Node | undefined {
  const copy = node?.clone() as Node | undefined;
  if (copy === undefined) return undefined;
  visit(copy, {
    Node: (_, one) => {
      for (const key of ['anchor', 'comment', 'commentBefore', 'spaceBefore'] as const)
        delete (one as { [K in typeof key]?: unknown })[key];
      if (flow && isCollection(one)) one.flow = true;
    },
  });
  return copy;
}

/** A new item is written as the one before it is: on one line, or a key to a line. */
function append(document: Document, list: YAMLSeq, value: unknown): void {
  const before = list.items.at(-1);
  const node = document.createNode(value);
  const isService = isMap(node) && node.has('servers');
  if (isMap(node)) {
    node.flow = isService ? false : isCollection(before) ? before.flow === true : true;
    if (isService) for (const server of serversIn(node)) server.flow = true;
    node.spaceBefore = list.items.some((one) => isCollection(one) && one.spaceBefore === true);
  }
  // What stood in brackets because it was empty is a list of lines now.
  if (list.items.length === 0) list.flow = false;
  list.items.push(node);
}

function serversIn(service: YAMLMap): readonly YAMLMap[] {
  const servers = service.get('servers');
  if (!isSeq(servers)) return [];
  for (const { key, value } of service.items)
    if (isCollection(value) && isScalar(key) && key.value !== 'servers') value.flow = true;
  return servers.items.filter((one): one is YAMLMap => isMap(one));
}

/** A value that is there keeps its place and its comment; a new key comes after those that are told of the same thing, but before its lists. */
function set(document: Document, place: YAMLMap, key: string, value: unknown): void {
  const pair = place.items.find((one) => (isScalar(one.key) ? one.key.value : one.key) === key);
  const node = document.createNode(value, { flow: true });
  if (pair === undefined) {
    const lists = place.items.findIndex((one) => isCollection(one.value));
    const at = lists < 0 || place.flow === true ? place.items.length : lists;
    place.items.splice(at, 0, new Pair(document.createNode(key), node));
    return;
  }
  const before = pair.value;
  if (isScalar(before) && isScalar(node)) before.value = node.value;
  else {
    if (isCollection(before) || isScalar(before)) {
      node.comment = before.comment ?? null;
      node.commentBefore = before.commentBefore ?? null;
    }
    pair.value = node;
  }
}

function remove(place: YAMLMap | YAMLSeq, key: string | number): void {
  if (isSeq(place)) {
    // The comment before the first item is kept with the list: it may be about all of them.
    place.items.splice(key as number, 1);
    if (place.items.length === 0) place.flow = true;
    return;
  }
  const at = place.items.findIndex((one) => (isScalar(one.key) ? one.key.value : one.key) === key);
  if (at >= 0) place.items.splice(at, 1);
}

/** How far keys stand in from those above them: by the first group of the file. */
function indentOf(document: Document, text: string): number {
  let indent = 2;
  visit(document, {
    Map: (_, node, path) => {
      const [first] = node.items;
      const start = isScalar(first?.key) ? first.key.range?.[0] : undefined;
      if (path.length < 3 || node.flow === true || start === undefined) return undefined;
      if (isSeq(path.at(-1))) return undefined;
      const column = start - (text.lastIndexOf('\n', start - 1) + 1);
      if (column < 1 || column > 8) return undefined;
      indent = column;
      return visit.BREAK;
    },
  });
  return indent;
}

/** Whether `-` stands in from the key above it. */
function indentsLists(document: Document, text: string): boolean {
  const services = isMap(document.contents) ? document.contents.get('services') : undefined;
  const at = isSeq(services) ? services.range?.[0] : undefined;
  if (at === undefined || (isSeq(services) && services.flow === true)) return true;
  return at > text.lastIndexOf('\n', at - 1) + 1;
}

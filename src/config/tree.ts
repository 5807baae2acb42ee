/** YAML nodes → plain values, each with the place it came from. */
import { type Document, isAlias, isMap, isScalar, isSeq, type Node } from 'yaml';
import { ownTexts } from './own-text.ts';
import type { Finding, Path } from './problems.ts';

/** A value and where it stands in the text, with the same for all that it contains. */
export interface Tree {
  /** Strings, numbers, booleans, null, and arrays and plain objects of them. */
  readonly value: unknown;
  readonly start: number;
  readonly end: number;
  /** Where its key begins; absent for items of a list and for the root. */
  readonly keyStart?: number | undefined;
  readonly children: ReadonlyMap<string | number, Tree>;
}

/** How many values aliases (`*name`) may repeat in all: a few lines of them could otherwise fill the memory. */
export const MAX_ALIASED = 10_000;
/** How deep values may lie in each other once aliases are resolved. */
const MAX_DEPTH = 64;

interface Reading {
  readonly findings: Finding[];
  readonly anchors: Map<string, Node>;
  readonly open: Set<Node>;
  readonly own: ReturnType<typeof ownTexts>;
  aliased: number;
}

/** Reads all nodes; the findings are duplicate keys, keys that are not words, and aliases that cannot be followed. */
export function readTree(document: Document.Parsed): { tree: Tree; findings: readonly Finding[] } {
  const reading: Reading = {
    findings: [],
    anchors: new Map(),
    open: new Set(),
    own: ownTexts(),
    aliased: 0,
  };
  const tree = readNode(document.contents, { path: [], start: 0, aliasDepth: 0 }, reading);
  return { tree, findings: reading.findings };
}

interface Place {
  readonly path: Path;
  /** Where the value would begin if the node does not say. */
  readonly start: number;
  readonly keyStart?: number;
  readonly aliasDepth: number;
}

function readNode(node: unknown, place: Place, reading: Reading): Tree {
  const known = node as Node | null;
  const start = known?.range?.[0] ?? place.start;
  const end = known?.range?.[2] ?? start;
  const leaf = (value: unknown): Tree => ({ value, start, end, ...keyOf(place), children: NO_CHILDREN });
  const refuse = (message: string): Tree => {
    reading.findings.push({ path: place.path, message, offset: start });
    return leaf(undefined);
  };
  if (place.aliasDepth > 0 && ++reading.aliased > MAX_ALIASED)
    return reading.aliased === MAX_ALIASED + 1
      ? refuse(`aliases repeat more than ${MAX_ALIASED} values`)
      : leaf(undefined);
  if (place.path.length > MAX_DEPTH) return refuse('too many levels, one inside the other');
  if (isAlias(node)) {
    const target = reading.anchors.get(node.source);
    if (target === undefined) return refuse(`no anchor &${node.source} stands before this alias`);
    if (reading.open.has(target)) return refuse(`the alias *${node.source} lies inside what it repeats`);
    return readNode(target, { ...place, aliasDepth: place.aliasDepth + 1 }, reading);
  }
  if (known !== null && 'anchor' in known && typeof known.anchor === 'string' && place.aliasDepth === 0)
    reading.anchors.set(known.anchor, known);
  if (isScalar(node)) {
    const value = plain(node.value, node.source);
    return leaf(typeof value === 'string' ? reading.own(value) : value);
  }
  if (!isMap(node) && !isSeq(node)) return leaf(null);
  reading.open.add(node);
  const { value, children } = isMap(node)
    ? readMap(node, place, reading)
    : readItems(node.items, place, start, reading);
  reading.open.delete(node);
  return { value, start, end, ...keyOf(place), children };
}

const NO_CHILDREN: ReadonlyMap<string | number, Tree> = new Map();

function keyOf(place: Place): { keyStart?: number } {
  return place.keyStart === undefined ? {} : { keyStart: place.keyStart };
}

/** Only YAML's core types: what an old document's version line turns into a date stays the text it was. */
function plain(value: unknown, source: string | undefined): unknown {
  const core = value === null || ['string', 'number', 'boolean'].includes(typeof value);
  return core ? value : (source ?? String(value));
}

function readItems(items: readonly unknown[], place: Place, start: number, reading: Reading) {
  const children = new Map<string | number, Tree>();
  items.forEach((item, index) => {
    const path = [...place.path, index];
    children.set(index, readNode(item, { path, start, aliasDepth: place.aliasDepth }, reading));
  });
  return { value: [...children.values()].map((child) => child.value), children };
}

function readMap(
  node: { readonly items: readonly { key: unknown; value: unknown }[] },
  place: Place,
  reading: Reading,
) {
  const children = new Map<string | number, Tree>();
  const value: Record<string, unknown> = {};
  for (const pair of node.items) {
    const keyStart = (pair.key as Node | null)?.range?.[0] ?? place.start;
    const key = isScalar(pair.key) ? String(plain(pair.key.value, pair.key.source)) : undefined;
    if (key === undefined) {
      reading.findings.push({ path: place.path, message: 'a key must be a plain word', offset: keyStart });
      continue;
    }
    const path = [...place.path, key];
    const earlier = children.get(key);
    if (earlier !== undefined) {
      reading.findings.push({
        path,
        message: 'this key is there already',
        earlier: path,
        offset: keyStart,
      });
      continue;
    }
    const child = readNode(
      pair.value,
      { path, start: keyStart, keyStart, aliasDepth: place.aliasDepth },
      reading,
    );
    children.set(key, child);
    // Not an assignment: `__proto__` is a key like any other here, and an unknown one.
    Object.defineProperty(value, key, {
      value: child.value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return { value, children };
}

/** The deepest part of `path` that is there, and whether that is all of it. */
export function findTree(tree: Tree, path: Path): { readonly tree: Tree; readonly complete: boolean } {
  let at = tree;
  for (const part of path) {
    const child = at.children.get(part);
    if (child === undefined) return { tree: at, complete: false };
    at = child;
  }
  return { tree: at, complete: true };
}

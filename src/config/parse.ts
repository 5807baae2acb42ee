/** Configuration text → Config, or everything that is wrong with it. */
import type { Config } from '../core/model/config.ts';
import type { PlaneKind } from '../core/model/host.ts';
import type { VirtualService } from '../core/model/service.ts';
import { judging } from './judge.ts';
import { readPlain } from './plain.ts';
import { type ConfigProblem, type Finding, formatPath } from './problems.ts';
import { findTree, readTree, type Tree } from './tree.ts';
import { positionsIn, readYaml, type YamlText } from './yaml.ts';

/** A configuration, or why there is none. */
export type ParseResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/**
 * Reads a configuration from YAML text; `file` is its name for messages, `running` the plane that `dataplane: auto` stands for
 * where that is known, `instead` the one that was chosen over the file. A service that comes out as one of `alike` is that very object,
 * which spares those after it from comparing. Pure, and never throws: all that is wrong comes back at once, in the order of the text.
 */
export function parseConfig(
  text: string,
  file: string,
  running?: PlaneKind,
  instead?: PlaneKind,
  alike: readonly VirtualService[] = [],
): ParseResult {
  const how = { running, instead, alike };
  const plain = readPlain(text);
  if (plain !== undefined) return judge(plain, [], { findings: [], position: positionsIn(text) }, file, how);
  const yaml = readYaml(text);
  if (yaml.document === undefined) return refuse(yaml.findings, undefined, yaml, file);
  const { tree, findings } = readTree(yaml.document);
  return judge(tree, findings, yaml, file, how);
}

/** What the parser says of a text beside its values. */
type Syntax = Pick<YamlText, 'findings' | 'position'>;

/** The configuration in a tree; `findings` are what was wrong with the tree itself. */
function judge(
  tree: Tree,
  findings: readonly Finding[],
  yaml: Syntax,
  file: string,
  how: {
    readonly running: PlaneKind | undefined;
    readonly instead: PlaneKind | undefined;
    readonly alike: readonly VirtualService[];
  },
): ParseResult {
  if (tree.value === null && yaml.findings.length === 0)
    return refuse(
      [{ path: [], message: 'the file is empty', expected: 'director and services' }],
      tree,
      yaml,
      file,
    );
  const judged = judging(how.alike)(tree.value, how.running, how.instead);
  const meaning = judged.ok ? [] : judged.findings;
  const all = [...yaml.findings, ...findings, ...believable(meaning, tree, yaml)];
  if (all.length > 0 || !judged.ok) return refuse(all, tree, yaml, file);
  return judged;
}

/** The values in a text that has been found right. */
export function valuesIn(text: string): unknown {
  const plain = readPlain(text);
  if (plain !== undefined) return plain.value;
  const { document } = readYaml(text);
  return document === undefined ? undefined : readTree(document).tree.value;
}

/**
 * What can be believed beside syntax errors: nothing about the lines they are in, and not that a key is missing
 * from a group one of them lies in, for that key may be what could not be read.
 */
function believable(findings: readonly Finding[], tree: Tree, yaml: Syntax): readonly Finding[] {
  if (yaml.findings.length === 0) return findings;
  const offsets = yaml.findings.map((finding) => finding.offset ?? 0);
  const lines = new Set(offsets.map((offset) => yaml.position(offset).line));
  return findings.filter((finding) => {
    const { tree: group } = findTree(tree, finding.path);
    const reach = { from: group.keyStart ?? group.start, to: group.end + 1 };
    if (finding.part === 'missing') return !offsets.some((at) => at >= reach.from && at <= reach.to);
    return !lines.has(yaml.position(placeOf(finding, tree)).line);
  });
}

function refuse(
  findings: readonly Finding[],
  tree: Tree | undefined,
  yaml: Syntax,
  file: string,
): ParseResult {
  const placed = findings
    .map((finding) => ({ finding, offset: placeOf(finding, tree) }))
    .sort((a, b) => a.offset - b.offset);
  const problems = placed.map(({ finding, offset }): ConfigProblem => {
    const { path, expected, nearest, earlier } = finding;
    const line =
      earlier === undefined ? undefined : yaml.position(placeOf({ path: earlier, part: 'key' }, tree)).line;
    return {
      file,
      ...yaml.position(offset),
      path: formatPath(path),
      message: line === undefined ? finding.message : `${finding.message} (line ${line})`,
      ...(expected === undefined ? {} : { expected }),
      ...(nearest === undefined ? {} : { nearest }),
    };
  });
  return { ok: false, problems };
}

/** Where in the text a finding belongs: its value, its key, or the group that lacks it. */
function placeOf(finding: Pick<Finding, 'path' | 'part' | 'offset'>, tree: Tree | undefined): number {
  if (finding.offset !== undefined) return finding.offset;
  if (tree === undefined) return 0;
  const { tree: at, complete } = findTree(tree, finding.path);
  return complete && finding.part !== 'key' ? at.start : (at.keyStart ?? at.start);
}

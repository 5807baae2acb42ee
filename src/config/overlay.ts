/** A file and the overrides over it → what is to be in force, checked as if the file said it all. */

import type { Config } from '../core/model/config.ts';
import { takeWhatFits } from '../core/model/fitting.ts';
import type { PlaneKind } from '../core/model/host.ts';
import { listRules, type RuleOverride, type RuleOverrides, rulesOf } from '../core/model/rule-override.ts';
import { judging } from './judge.ts';
import { valuesIn } from './parse.ts';
import type { Finding, Path } from './problems.ts';
import { type Edit, editsOf } from './rule-edits.ts';

/** What is in force by overrides that can be, or why they cannot. */
export type Laid =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly why: string };

/** A file that overrides can be laid over; it is read when the first are. */
export interface Ground {
  readonly text: string;
  /** What the text says by itself. */
  readonly config: Config;
  /** The plane that `dataplane: auto` stands for. */
  readonly running: PlaneKind;
}

/** What lays overrides over a file, again and again: services that are as they were are the same objects. Without any the configuration is the file's own. */
export function overlayOf({ text, config, running }: Ground): (overrides: RuleOverrides) => Laid {
  let value: unknown;
  const judge = judging(config.services);
  return (overrides) => {
    if (overrides.size === 0) return { ok: true, config };
    value ??= valuesIn(text);
    // The plane that runs is to carry them out, whatever the file asks for.
    const edited = withEdits(value, editsOf(value, config.services, overrides));
    const result = judge(edited, running, running);
    return result.ok ? result : { ok: false, why: reasonOf(result.findings) };
  };
}

/** Of overrides that cannot be in force together, those that can, and of the others why. */
export function layWhatFits(
  lay: (overrides: RuleOverrides) => Laid,
  overrides: RuleOverrides,
): {
  readonly config: Config;
  readonly overrides: RuleOverrides;
  readonly left: readonly { readonly item: RuleOverride; readonly why: string }[];
} {
  const all = lay(overrides);
  if (all.ok) return { config: all.config, overrides, left: [] };
  // What was tried last and could be in force is what was taken.
  let config: Config | undefined;
  const attempt = (list: readonly RuleOverride[]): string | undefined => {
    const laid = lay(rulesOf(list));
    if (!laid.ok) return laid.why;
    ({ config } = laid);
    return undefined;
  };
  attempt([]);
  const { taken, left } = takeWhatFits(listRules(overrides), attempt);
  if (config === undefined) throw new Error('the file was found right, and is not by itself');
  return { config, overrides: rulesOf(taken), left };
}

/** The first thing that is wrong, for whoever has never seen the file. */
function reasonOf(findings: readonly Finding[]): string {
  const [first] = findings;
  return first === undefined
    ? 'the configuration would not be right'
    : `${first.message}${first.expected === undefined ? '' : `; expected ${first.expected}`}`;
}

/** The values after the edits; those before stay as they are. */
export function withEdits(root: unknown, edits: readonly Edit[]): unknown {
  const own = new Set<unknown>();
  const copy = (value: unknown): unknown => {
    if (own.has(value)) return value;
    const made = Array.isArray(value) ? [...(value as readonly unknown[])] : { ...(value as object) };
    own.add(made);
    return made;
  };
  const result = copy(root);
  for (const edit of edits) {
    const whole = edit.kind === 'append' ? edit.path : edit.path.slice(0, -1);
    const place = goTo(result, whole, copy) as Record<string | number, unknown> & unknown[];
    const last = edit.path.at(-1)!;
    if (edit.kind === 'append') place.push(edit.value);
    else if (edit.kind === 'set') place[last] = edit.value;
    else if (Array.isArray(place)) place.splice(last as number, 1);
    else delete place[last];
  }
  return result;
}

function goTo(root: unknown, path: Path, copy: (value: unknown) => unknown): unknown {
  let at = root as Record<string | number, unknown>;
  for (const part of path) {
    at[part] = copy(at[part]);
    at = at[part] as typeof at;
  }
  return at;
}

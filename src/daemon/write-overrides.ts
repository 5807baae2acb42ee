/** What is written of overrides into the configuration file, and what is not. */
import { isDeepStrictEqual } from 'node:util';
import type { OverrideName, Refused, WrittenOverrides } from '../api/control.ts';
import { valuesIn } from '../config/parse.ts';
import { type Edit, editsOf } from '../config/rule-edits.ts';
import { writeEdits } from '../config/write-edits.ts';
import type { Config } from '../core/model/config.ts';
import type { PlaneKind } from '../core/model/host.ts';
import { type Override, overrideText } from '../core/model/override.ts';
import { listRules, type RuleOverrides } from '../core/model/rule-override.ts';
import { diffLines } from '../core/text/line-diff.ts';
import { checkConfig, type ReadConfig } from './read-config.ts';

/** What is to be written, and where. */
export interface ToWrite {
  /** The file as it is. */
  readonly read: ReadConfig;
  readonly rules: RuleOverrides;
  /** What the two come to. */
  readonly config: Config;
  readonly states: readonly Override[];
  readonly running: PlaneKind;
  /** The data plane that was chosen over the file. */
  readonly chosen?: PlaneKind | undefined;
}

/** The file as it is to be. */
export interface Written {
  readonly ok: true;
  readonly read: ReadConfig;
  readonly count: number;
  readonly lines: readonly string[];
  readonly left: readonly string[];
}

/** The file with its overrides in it; refused where it would not say the same as both do now. Nothing is written yet. */
export function writtenText({ read, rules, config, states, running, chosen }: ToWrite): Written | Refused {
  const left = states.map(
    (one) =>
      `${one.server} of ${one.service} stays ${overrideText(one)}: a file has no key for that, and weight: 0 would forget its weight`,
  );
  const choice: readonly Edit[] =
    chosen === undefined ? [] : [{ kind: 'set', path: ['dataplane'], value: chosen }];
  const count = listRules(rules).length + choice.length;
  if (count === 0) return { ok: true, read, count, lines: [], left };
  const { file } = read;
  const edits = [...choice, ...editsOf(valuesIn(read.text), read.config.services, rules)];
  const text = writeEdits(read.text, edits);
  const after = checkConfig({ text, file }, running, running);
  if (!after.ok) return after;
  if (!isDeepStrictEqual(after.config, { ...config, dataplane: chosen ?? config.dataplane }))
    return {
      ok: false,
      problems: [
        `${file} would say something else than what is in force: a value that changes is repeated elsewhere by an alias (*name); change the file by hand, then weir reload`,
      ],
    };
  return { ok: true, read: after, count, lines: changedLines(read.text, text), left };
}

/** What is answered. */
export function answerOf(written: Written | Refused): WrittenOverrides | Refused {
  if (!written.ok) return written;
  const { ok, count, lines, left } = written;
  return { ok, written: count, lines, left };
}

/** The lines that change, with their numbers in the file before or after. */
function changedLines(before: string, after: string): readonly string[] {
  const [a, b] = [before.split('\n'), after.split('\n')];
  return diffLines(a, b).flatMap((step) => {
    if (step.kind === '=') return [];
    return step.kind === '-' ? [`- ${step.a + 1}: ${a[step.a]}`] : [`+ ${step.b + 1}: ${b[step.b]}`];
  });
}

/** Whether an override is one of those that are named. */
export function meant(of: readonly OverrideName[] | 'all'): (one: OverrideName) => boolean {
  if (of === 'all') return () => true;
  const key = ({ kind, service, server = '' }: OverrideName) => `${kind} ${service} ${server}`;
  const keys = new Set(of.map(key));
  return (one) => keys.has(key(one));
}

/** The file that an operator's overrides outlive the daemon in. */
import { join } from 'node:path';
import { z } from 'zod';
import { ruleOverrideSchema } from '../api/rule-schemas.ts';
import {
  listOverrides,
  NO_OVERRIDES,
  type Override,
  type Overrides,
  overridesOf,
} from '../core/model/override.ts';
import {
  listRules,
  NO_RULES,
  type RuleOverride,
  type RuleOverrides,
  rulesOf,
} from '../core/model/rule-override.ts';
import { parseServiceKey, type ServiceKey } from '../core/model/service.ts';
import { writeDurably } from '../kernel/durable.ts';
import { readJsonIfThere } from '../kernel/json.ts';

const states = z.array(
  z.strictObject({
    service: z.custom<ServiceKey>((text) => typeof text === 'string' && parseServiceKey(text) !== undefined),
    server: z.string(),
    state: z.enum(['drain', 'down']),
    since: z.iso.datetime(),
    reason: z.string().exactOptional(),
    deadline: z.iso.datetime().exactOptional(),
    overdue: z.literal(true).exactOptional(),
  }),
);

/** Version 1 has the states of servers alone; it is written while there is nothing else, so that an older weir reads it. */
const schema = z.discriminatedUnion('version', [
  z.strictObject({ version: z.literal(1), overrides: states }),
  z.strictObject({ version: z.literal(2), overrides: states, rules: z.array(ruleOverrideSchema) }),
]);

/** Overrides of one kind in the file. */
export interface Kept<T> {
  /** What is kept; nothing if there is no file. Throws an Error for a file that is damaged. */
  load(): T;
  /** Keeps them, so that a crash leaves those before or these (rename(2), fsync(2)). Throws an Error when it cannot. */
  save(overrides: T): void;
}

/** Servers that are drained or disabled. */
export type OverridesFile = Kept<Overrides>;

/** All kinds. */
interface All {
  readonly overrides: readonly Override[];
  readonly rules: readonly RuleOverride[];
}

const NOTHING: All = { overrides: [], rules: [] };

/** The file in a state directory: the states of servers, and what ipvsadm has changed. */
export function overridesFile(stateDir: string): OverridesFile & { readonly rules: Kept<RuleOverrides> } {
  const path = join(stateDir, 'overrides.json');
  let known: All | undefined;
  const all = (): All => {
    known ??= read(path);
    return known;
  };
  const save = (part: Partial<All>) => {
    const now = { ...all(), ...part };
    writeDurably(path, textOf(now));
    known = now;
  };
  return {
    load: () => (all().overrides.length === 0 ? NO_OVERRIDES : overridesOf(all().overrides)),
    save: (overrides) => save({ overrides: listOverrides(overrides) }),
    rules: {
      load: () => (all().rules.length === 0 ? NO_RULES : rulesOf(all().rules)),
      save: (rules) => save({ rules: listRules(rules) }),
    },
  };
}

/** States are few and written to be read by people; rules may be many, and are a line each. */
function textOf({ overrides, rules }: All): string {
  if (rules.length === 0) return `${JSON.stringify({ version: 1, overrides }, undefined, 2)}\n`;
  const lines = rules.map((one) => JSON.stringify(one)).join(',\n');
  return `{"version": 2, "overrides": ${JSON.stringify(overrides, undefined, 2)}, "rules": [\n${lines}\n]}\n`;
}

const read = (path: string): All => ({ ...NOTHING, ...readJsonIfThere(path, schema, ADVICE) });

const ADVICE =
  'it holds which servers are drained or disabled, and what ipvsadm has changed: repair it, or delete it and say so again';

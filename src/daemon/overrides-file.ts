/** The file that an operator's overrides outlive the daemon in. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import {
  listOverrides,
  NO_OVERRIDES,
  type Override,
  type Overrides,
  overridesOf,
} from '../core/model/override.ts';
import { parseServiceKey, type ServiceKey } from '../core/model/service.ts';
import { writeDurably } from '../kernel/durable.ts';

const schema = z.strictObject({
  version: z.literal(1),
  overrides: z.array(
    z.strictObject({
      service: z.custom<ServiceKey>(
        (text) => typeof text === 'string' && parseServiceKey(text) !== undefined,
      ),
      server: z.string(),
      state: z.enum(['drain', 'down']),
      since: z.iso.datetime(),
      reason: z.string().exactOptional(),
      deadline: z.iso.datetime().exactOptional(),
      overdue: z.literal(true).exactOptional(),
    }),
  ),
});

/** Where overrides are kept. */
export interface OverridesFile {
  /** What is kept; nothing if there is no file. Throws an Error for a file that is damaged. */
  load(): Overrides;
  /** Keeps them, so that a crash leaves those before or these (rename(2), fsync(2)). Throws an Error when it cannot. */
  save(overrides: Overrides): void;
}

/** The file in a state directory. */
export function overridesFile(stateDir: string): OverridesFile {
  const path = join(stateDir, 'overrides.json');
  return {
    load() {
      let text: string;
      try {
        text = readFileSync(path, 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return NO_OVERRIDES;
        throw new Error(`${path} cannot be read: ${(error as Error).message}`);
      }
      return overridesOf(parse(path, text));
    },
    save(overrides) {
      const list = listOverrides(overrides);
      writeDurably(path, `${JSON.stringify({ version: 1, overrides: list }, undefined, 2)}\n`);
    },
  };
}

function parse(path: string, text: string): readonly Override[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data.overrides;
  throw new Error(
    `${path} is damaged or of a later version; it holds which servers are drained or disabled: repair it, or delete it and say so again`,
  );
}

/** JSON in files that Weir keeps. */
import { readIfThere } from './durable.ts';

/** What a text says; undefined for what is no JSON, which no schema accepts. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What makes something of a value, or nothing: a schema. */
interface Schema<T> {
  safeParse(value: unknown): { readonly success: true; readonly data: T } | { readonly success: false };
}

/**
 * What a file holds by its schema; undefined where there is none. Throws an Error for one that cannot be read, is damaged or of a later version;
 * `advice` says in that what it is for and what to do.
 */
export function readJsonIfThere<T>(path: string, schema: Schema<T>, advice: string): T | undefined {
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  const parsed = schema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new Error(`${path} is damaged or of a later version; ${advice}`);
}

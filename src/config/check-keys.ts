/** Which keys of a health check are for which types alone; all others are for every type. */
import type { CheckType } from '../core/model/check.ts';

const HTTP: readonly CheckType[] = ['http', 'https'];

/** By key, the types that can have it. */
export const KEY_TYPES = {
  method: HTTP,
  path: HTTP,
  host: HTTP,
  status: HTTP,
  body: HTTP,
  tls: ['https'],
} as const satisfies Readonly<Record<string, readonly CheckType[]>>;
/** A key that not every type can have. */
export type TypeKey = keyof typeof KEY_TYPES;

const TYPE_KEYS = Object.keys(KEY_TYPES) as readonly TypeKey[];

/** Those of some keys that not every type can have. */
export const typeKeysIn = (keys: readonly string[]): readonly TypeKey[] =>
  TYPE_KEYS.filter((key) => keys.includes(key));

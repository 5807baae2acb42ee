/** What of the health checks in a file could be understood, for rules between their keys. */
import type { z } from 'zod';
import type { Address } from '../core/address/address.ts';
import type { CheckType } from '../core/model/check.ts';
import type { CheckMethod } from '../core/model/check-protocols.ts';
import { feedbackField } from './check-feedback.ts';
import { type TypeKey, typeKeysIn } from './check-keys.ts';
import { checkShape, type ParsedCheck } from './check-schema.ts';
import type { Path } from './problems.ts';

/** A check's understood parts; what is absent or wrong is undefined. */
export interface DraftCheck {
  readonly path: Path;
  readonly type: CheckType | undefined;
  /** The default included. */
  readonly interval: number | undefined;
  readonly timeout: number | undefined;
  readonly connectAddress: Address | undefined;
  /** True if there is that key, whatever is in it. */
  readonly hasConnectPort: boolean;
  readonly sourceAddress: Address | undefined;
  readonly method: CheckMethod | undefined;
  /** Those of the keys that are there which not every type can have. */
  readonly typeKeys: readonly TypeKey[];
  readonly bodyKeys: readonly string[] | undefined;
  /** Those of `cert` and `key` that are there. */
  readonly tlsKeys: readonly string[];
  /** The defaults included; undefined without feedback, and where a bound is wrong. */
  readonly feedbackBounds: { readonly floor: number; readonly ceiling: number } | undefined;
  /** The keys of each step. */
  readonly stepKeys: readonly (readonly string[])[] | undefined;
}

const keysOf = (value: unknown): readonly string[] =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.entries(value).flatMap(([key, part]) => (part === undefined ? [] : [key]))
    : [];

const tlsKeysIn = (tls: unknown) => keysOf(tls).filter((key) => key === 'cert' || key === 'key');

const stepKeysIn = (steps: unknown) => (Array.isArray(steps) ? steps.map(keysOf) : undefined);

function readBounds(feedback: unknown): DraftCheck['feedbackBounds'] {
  const bounds = feedbackField.pick({ floor: true, ceiling: true }).strip();
  return bounds.safeParse(feedback).data;
}

/** The drafts of checks that the schema has found right. */
export function draftChecksOf(checks: readonly ParsedCheck[] | undefined, path: Path): readonly DraftCheck[] {
  return (checks ?? []).map((check, i) => ({
    path: [...path, i],
    type: check.type,
    interval: check.interval,
    timeout: check.timeout,
    connectAddress: check.connect_address,
    hasConnectPort: check.connect_port !== undefined,
    sourceAddress: check.source_address,
    method: check.method,
    typeKeys: typeKeysIn(keysOf(check)),
    bodyKeys: check.body && keysOf(check.body),
    tlsKeys: tlsKeysIn(check.tls),
    feedbackBounds: check.feedback && {
      floor: check.feedback.floor,
      ceiling: check.feedback.ceiling,
    },
    stepKeys: check.steps?.map(keysOf),
  }));
}

/** Reads drafts from plain values; total. */
export function readDraftChecks(value: unknown, path: Path): readonly DraftCheck[] {
  if (!Array.isArray(value)) return [];
  return value.map((check: unknown, i): DraftCheck => {
    const keys = keysOf(check);
    const part = (name: string): unknown =>
      keys.includes(name) ? (check as Record<string, unknown>)[name] : undefined;
    const read = <T>(field: z.ZodType<T>, name: string): T | undefined => {
      const result = field.safeParse(part(name));
      return result.success ? result.data : undefined;
    };
    return {
      path: [...path, i],
      type: read(checkShape.type, 'type'),
      interval: read(checkShape.interval, 'interval'),
      timeout: read(checkShape.timeout, 'timeout'),
      connectAddress: read(checkShape.connect_address, 'connect_address'),
      hasConnectPort: keys.includes('connect_port'),
      sourceAddress: read(checkShape.source_address, 'source_address'),
      method: read(checkShape.method, 'method'),
      typeKeys: typeKeysIn(keys),
      bodyKeys: keys.includes('body') ? keysOf(part('body')) : undefined,
      tlsKeys: tlsKeysIn(part('tls')),
      feedbackBounds: readBounds(part('feedback')),
      stepKeys: stepKeysIn(part('steps')),
    };
  });
}

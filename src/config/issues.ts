/** What zod finds wrong → findings in words. */
import { z } from 'zod';
import { keyOfElsewhere } from './elsewhere.ts';
import type { Fault, Words } from './fields.ts';
import { nearest } from './nearest.ts';
import { describeValue, type Finding, type Path } from './problems.ts';
import { configSchema } from './schema.ts';

type Issue = z.core.$ZodIssue;

/** A JSON Schema with our words in it, as plain data: far easier to walk by path than zod's objects. */
export interface Shape extends Partial<Words> {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly shown?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly additionalProperties?: Shape | boolean;
  readonly items?: Shape;
  readonly anyOf?: readonly Shape[];
}

/** The configuration's shape as it is written, words included. */
export function configShape(): Shape {
  return z.toJSONSchema(configSchema, { io: 'input', target: 'draft-7' }) as Shape;
}

/** Findings for all issues of one file; `root` is the file's plain value. */
export function explainIssues(issues: readonly Issue[], root: unknown): readonly Finding[] {
  const shape = configShape();
  return issues.flatMap((issue) => explain(issue, issue.path as Path, root, shape));
}

function explain(issue: Issue, path: Path, root: unknown, shape: Shape): readonly Finding[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) =>
      unknownKey([...path, key], Object.keys(shapeAt(shape, path)?.properties ?? {})),
    );
  if (issue.code === 'invalid_union') {
    // The branch that was entered is the one meant: its complaint lies deeper than "neither this nor that".
    const inner = issue.errors.find((branch) => branch.some((one) => one.path.length > 0));
    if (inner !== undefined)
      return inner.flatMap((one) => explain(one, [...path, ...(one.path as Path)], root, shape));
  }
  const at = shapeAt(shape, path);
  const { present, value } = valueAt(root, path);
  if (!present) return [{ path, message: 'missing', expected: at?.expected ?? nameOf(at), part: 'missing' }];
  // What could not be read from the text has been reported as such.
  if (value === undefined) return [];
  if (value === null)
    return [{ path, message: 'has no value', expected: at?.expected ?? nameOf(at), part: 'key' }];
  const fault: Fault = issue.code === 'custom' ? (issue.params ?? {}) : {};
  if (fault.message !== undefined)
    return [
      {
        path,
        message: `${shownValue(value, at)} ${fault.message}`,
        expected: fault.expected ?? at?.expected,
        nearest: fault.nearest,
      },
    ];
  return [{ nearest: fault.nearest, ...wrongValue(path, value, at, issue) }];
}

const shownValue = (value: unknown, shape: Shape | undefined): string =>
  shape?.secret === true ? 'what is here' : describeValue(value);

function unknownKey(path: Path, keys: readonly string[]): Finding {
  const elsewhere = keyOfElsewhere(path);
  if (elsewhere !== undefined) return { path, ...elsewhere, part: 'key' };
  const near = nearest(String(path.at(-1)), keys);
  const expected = keys.length === 1 ? `the key ${keys[0]}` : `one of ${keys.join(', ')}`;
  return { path, message: 'unknown key', expected, nearest: near, part: 'key' };
}

function wrongValue(path: Path, value: unknown, shape: Shape | undefined, issue: Issue): Finding {
  const expected = shape?.expected;
  const shown = shownValue(value, shape);
  if (shape?.bareNumber !== undefined && typeof value === 'number')
    return {
      path,
      message: `${shown} ${shape.bareNumber.message}`,
      expected,
      nearest: `${value}${shape.bareNumber.suffix}`,
    };
  if (shape?.type === 'integer' && typeof value === 'string' && /^-?\d+$/.test(value))
    return { path, message: `${shown} is text because of its quotes`, expected };
  if (issue.code === 'too_big' && Array.isArray(value))
    return { path, message: `${value.length} items are too many`, expected };
  if (issue.code === 'too_small' && Array.isArray(value))
    return { path, message: 'the list is empty', expected };
  const near = typeof value === 'string' ? nearest(value, shape?.enum ?? []) : undefined;
  const given = expected ?? (typeof value === 'object' ? nameOf(shape) : undefined);
  return {
    path,
    message: `${shown} is not ${nameOf(shape)}`,
    expected: given,
    ...(near === undefined ? {} : { nearest: near }),
  };
}

/** A shape's noun, or what its kind is called. */
function nameOf(shape: Shape | undefined): string {
  if (shape?.noun !== undefined) return shape.noun;
  if (shape?.type === 'array') return 'a list';
  return shape?.properties === undefined ? 'a value of this kind' : 'a group of keys';
}

function shapeAt(shape: Shape | undefined, path: Path): Shape | undefined {
  const [part, ...rest] = path;
  if (shape === undefined || part === undefined) return shape;
  if (typeof part === 'number') {
    const items = shape.items ?? shape.anyOf?.find((one) => one.items !== undefined)?.items;
    return shapeAt(items, rest);
  }
  const other = typeof shape.additionalProperties === 'object' ? shape.additionalProperties : undefined;
  const own = Object.hasOwn(shape.properties ?? {}, part) ? shape.properties?.[part] : undefined;
  return shapeAt(own ?? other, rest);
}

function valueAt(root: unknown, path: Path): { present: boolean; value: unknown } {
  let value = root;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part))
      return { present: false, value: undefined };
    value = (value as Record<string | number, unknown>)[part];
  }
  return { present: true, value };
}

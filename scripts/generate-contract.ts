/**
 * Writes src/dataplane/bpf/contract.generated.ts from bpf/contract.h and what it includes: constants, enums, and for every struct its
 * size, a type, a reader and a writer. The header keeps to fixed-width fields without implicit padding, so offsets
 * follow from the sizes; test/contract holds them against the BTF that clang wrote into the object.
 *
 *   tsx scripts/generate-contract.ts          writes the file
 *   tsx scripts/generate-contract.ts --check  exits 1 if the file is not what would be written
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

interface Field {
  readonly name: string;
  readonly type: string;
  readonly count: number;
  readonly offset: number;
}
interface Struct {
  readonly name: string;
  readonly size: number;
  readonly align: number;
  readonly fields: readonly Field[];
}

const SCALARS: Readonly<Record<string, { size: number; get: string; set: string; ts: string }>> = {
  __u8: { size: 1, get: 'getUint8', set: 'setUint8', ts: 'number' },
  __u16: { size: 2, get: 'getUint16', set: 'setUint16', ts: 'number' },
  __u32: { size: 4, get: 'getUint32', set: 'setUint32', ts: 'number' },
  __s32: { size: 4, get: 'getInt32', set: 'setInt32', ts: 'number' },
  __u64: { size: 8, get: 'getBigUint64', set: 'setBigUint64', ts: 'bigint' },
  __s64: { size: 8, get: 'getBigInt64', set: 'setBigInt64', ts: 'bigint' },
};

/** The header's text, with that of each header beside it in the place where it is included. */
function readContract(file: string): string {
  return readFileSync(file, 'utf8').replace(/^#include "(.+)"$/gm, (_, name: string) =>
    readContract(join(dirname(file), name)),
  );
}

const uncommented = (text: string) => text.replace(/\/\*[\s\S]*?\*\//g, ' ');

/** `#define WEIR_X 12` and the members of every enum. */
function readConstants(text: string): Map<string, number> {
  const constants = new Map<string, number>();
  for (const [, name, value] of text.matchAll(/^#define (WEIR_\w+) (\d+)\s*$/gm))
    constants.set(name!, Number(value));
  for (const [, body] of text.matchAll(/enum \w+ \{([^}]*)\}/g))
    for (const [, name, value] of body!.matchAll(/(\w+) = (\d+)/g)) constants.set(name!, Number(value));
  return constants;
}

function readStructs(text: string, constants: ReadonlyMap<string, number>): Struct[] {
  const structs: Struct[] = [];
  const measure = (type: string) => {
    const struct = structs.find((candidate) => candidate.name === type);
    const scalar = SCALARS[type];
    if (struct) return { size: struct.size, align: struct.align };
    if (scalar) return { size: scalar.size, align: scalar.size };
    throw new Error(`contract.h: ${type} is neither a fixed-width number nor a struct declared above`);
  };
  for (const [, name, body] of text.matchAll(/struct (\w+) \{([^}]*)\};/g)) {
    const fields: Field[] = [];
    let offset = 0;
    let align = 1;
    for (const [, type, field, array] of body!.matchAll(/(?:struct )?(\w+) (\w+)(?:\[(\w+)\])?;/g)) {
      const of = measure(type!);
      const count = array === undefined ? 0 : (constants.get(array) ?? Number(array));
      if (offset % of.align !== 0)
        throw new Error(`contract.h: ${name}.${field} would need padding before it`);
      fields.push({ name: field!, type: type!, count, offset });
      offset += of.size * Math.max(1, count);
      align = Math.max(align, of.align);
    }
    if (offset % align !== 0) throw new Error(`contract.h: ${name} would need padding at its end`);
    structs.push({ name: name!, size: offset, align, fields });
  }
  return structs;
}

const typeName = (struct: string) =>
  struct.replace(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());

function tsType(field: Field): string {
  const base = SCALARS[field.type]?.ts ?? typeName(field.type);
  return field.count > 0 ? `readonly ${base}[]` : base;
}

function readExpression(field: Field): string {
  const scalar = SCALARS[field.type];
  const size = scalar?.size ?? 0;
  const one = (at: string) =>
    scalar
      ? `view.${scalar.get}(${at}${size > 1 ? ', true' : ''})`
      : `read${typeName(field.type)}(view, ${at})`;
  if (field.count === 0) return one(`at + ${field.offset}`);
  return `Array.from({ length: ${field.count} }, (_, i) => ${one(`at + ${field.offset} + ${size} * i`)})`;
}

function writeStatement(field: Field): string {
  const scalar = SCALARS[field.type];
  const size = scalar?.size ?? 0;
  const zero = scalar?.ts === 'bigint' ? '0n' : '0';
  const one = (at: string, value: string) =>
    scalar
      ? `view.${scalar.set}(${at}, ${value}${size > 1 ? ', true' : ''});`
      : `write${typeName(field.type)}(view, ${at}, ${value});`;
  if (field.count === 0) return one(`at + ${field.offset}`, `value.${field.name}`);
  return `for (let i = 0; i < ${field.count}; i++) ${one(`at + ${field.offset} + ${size} * i`, `value.${field.name}[i] ?? ${zero}`)}`;
}

function renderStruct(struct: Struct): string {
  const type = typeName(struct.name);
  return [
    `export interface ${type} {`,
    ...struct.fields.map((field) => `  readonly ${field.name}: ${tsType(field)};`),
    '}',
    `export function read${type}(view: DataView, at = 0): ${type} {`,
    '  return {',
    ...struct.fields.map((field) => `    ${field.name}: ${readExpression(field)},`),
    '  };',
    '}',
    `export function write${type}(view: DataView, at: number, value: ${type}): void {`,
    ...struct.fields.map((field) => `  ${writeStatement(field)}`),
    '}',
  ].join('\n');
}

/** Types and maps without comments or spacing: what must be the same for a program to go on with another's maps. */
function layoutDigest(contract: string, maps: string): string {
  const declarations = [...uncommented(maps).matchAll(/^WEIR_(?:MAP|LINE)\([a-z][^;]*;/gm)].map(
    ([line]) => line,
  );
  const text = [uncommented(contract), ...declarations].join('\n').replace(/\s+/g, ' ');
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

function render(contract: string, maps: string): string {
  const text = uncommented(contract).replace(/[ \t]+$/gm, '');
  const constants = readConstants(text);
  const structs = readStructs(text, constants);
  const offsets = structs.map(
    (struct) =>
      `  ${struct.name}: { size: ${struct.size}, fields: { ${struct.fields.map((f) => `${f.name}: ${f.offset}`).join(', ')} } },`,
  );
  return `${[
    '// Generated by scripts/generate-contract.ts from bpf/contract.h. Do not edit.',
    '',
    '/** Names the layout of the pinned maps: pins of another layout are not ours to go on with. */',
    `export const LAYOUT = '${layoutDigest(contract, maps)}';`,
    '',
    ...[...constants].map(([name, value]) => `export const ${name} = ${value};`),
    '',
    '/** Size of every struct and offset of its fields, in bytes. */',
    'export const LAYOUTS = {',
    ...offsets,
    '} as const;',
    '',
    ...structs.map(renderStruct),
  ].join('\n')}\n`;
}

const target = 'src/dataplane/bpf/contract.generated.ts';
const wanted = render(readContract('bpf/contract.h'), readFileSync('bpf/maps.h', 'utf8'));
if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== wanted) {
    console.error(`${target} is out of date: run npm run generate`);
    process.exit(1);
  }
} else {
  writeFileSync(target, wanted);
}

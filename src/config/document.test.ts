import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { jsonSchemaText, referencePage } from './document.ts';
import { configShape, type Shape } from './issues.ts';

const checkedIn = (name: string) =>
  readFileSync(new URL(`../../docs/reference/${name}`, import.meta.url), 'utf8');

describe('what is published of the schema', () => {
  it('is checked in as it would be generated (npx tsx scripts/generate-schema.ts)', () => {
    expect(checkedIn('config.schema.json')).toBe(jsonSchemaText());
    expect(checkedIn('config.md')).toBe(referencePage());
  });

  it('describes every key', () => {
    const bare: string[] = [];
    const visit = (shape: Shape, path: string) => {
      for (const [key, part] of Object.entries(shape.properties ?? {})) {
        if (part.description === undefined) bare.push(`${path}.${key}`);
        visit(part, `${path}.${key}`);
      }
      if (shape.items !== undefined) visit(shape.items, `${path}[]`);
    };
    visit(configShape(), '');
    expect(bare).toEqual([]);
  });

  it('leaves out the words that are only for messages', () => {
    expect(jsonSchemaText()).not.toMatch(/"(noun|expected|bareNumber|shown)":/);
  });
});

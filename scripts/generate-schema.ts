/** Writes docs/reference/config.schema.json and config.md from src/config/schema.ts: `npx tsx scripts/generate-schema.ts`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { jsonSchemaText, referencePage } from '../src/config/document.ts';

const folder = new URL('../docs/reference/', import.meta.url);
mkdirSync(folder, { recursive: true });
writeFileSync(new URL('config.schema.json', folder), jsonSchemaText());
writeFileSync(new URL('config.md', folder), referencePage());

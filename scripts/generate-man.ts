/** Writes packaging/man/ from help, schema, samples and guide (src/man/): `npx tsx scripts/generate-man.ts`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { manualPages } from '../src/man/pages.ts';
import { readSources } from '../src/man/read-sources.ts';

const folder = new URL('../packaging/man/', import.meta.url);
mkdirSync(folder, { recursive: true });
for (const [name, text] of manualPages(readSources())) writeFileSync(new URL(name, folder), text);

/** Writes docs/reference/openapi.json from src/api/operations.ts and schemas.ts: `npx tsx scripts/generate-openapi.ts`. */
import { writeFileSync } from 'node:fs';
import { openApiText } from '../src/api/openapi.ts';

writeFileSync(new URL('../docs/reference/openapi.json', import.meta.url), openApiText());

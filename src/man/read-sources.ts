/** Reads what the manual pages are made of. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Sources } from './pages.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

/** Of this repository. */
export function readSources(): Sources {
  const samples = readdirSync(new URL('../../samples/', import.meta.url)).filter((name) =>
    name.endsWith('.yaml'),
  );
  return {
    guide: { operating: read('docs/guide/operating.md'), ipvsadm: read('docs/guide/ipvsadm.md') },
    samples: new Map(samples.sort().map((name) => [name, read(`samples/${name}`)])),
  };
}

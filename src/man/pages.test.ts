/** The manual pages are those that help, schema and guide make. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { programModel } from '../cli/program.ts';
import { keyGroups } from '../config/document.ts';
import { WORDS } from '../ipvsadm/options.ts';
import { sectionOf } from './markdown.ts';
import { manualPages } from './pages.ts';
import { readSources } from './read-sources.ts';
import { escaped } from './troff.ts';

const FOLDER = new URL('../../packaging/man/', import.meta.url);
const pages = manualPages(readSources());
const page = (name: string) => pages.get(name) ?? '';

describe('manual pages', () => {
  test('are checked in as they would be generated (npx tsx scripts/generate-man.ts)', () => {
    expect(readdirSync(FOLDER).sort()).toEqual([...pages.keys()].sort());
    for (const [name, text] of pages)
      expect(readFileSync(new URL(name, FOLDER), 'utf8') === text, name).toBe(true);
  });

  test('weir(8) has every verb and option', () => {
    const { verbs, options } = programModel();
    const names = [...options, ...verbs.flatMap((verb) => verb.options)].flatMap((one) => one.names);
    for (const name of names) expect(page('weir.8')).toContain(`\\fB${escaped(name)}\\fR`);
    for (const { name } of verbs) expect(page('weir.8')).toContain(`.TP\n\\fBweir ${name}\\fR`);
  });

  test('the guide has every verb in its table', () => {
    const table = sectionOf(readSources().guide.operating, 'Verbs');
    for (const { name } of programModel().verbs) expect(table).toContain(`\`weir ${name}`);
  });

  test('weir.yaml(5) has every key, in the order of the reference', () => {
    const terms = [...page('weir.yaml.5').matchAll(/^\.TP\n\\fB(.*)\\fR$/gm)].map(([, key]) => key);
    expect(terms).toEqual(keyGroups().flatMap(({ keys }) => keys.map(({ key }) => key)));
  });

  test('ipvsadm(8) has every word that is understood', () => {
    for (const { long, short } of WORDS)
      for (const word of [long && `--${long}`, short && `-${short}`].filter(Boolean))
        expect(page('ipvsadm.8')).toContain(escaped(`${word}`));
  });
});

/** All manual pages, from what help, schema, samples and guide say. */
import { VERSION } from '../api/version.ts';
import { programModel } from '../cli/program.ts';
import { configPage } from './config.ts';
import { ipvsadmPage } from './ipvsadm.ts';
import { fileOf } from './page.ts';
import { render } from './troff.ts';
import { weirPage } from './weir.ts';

/** What of the repository the pages are made of, as texts. */
export interface Sources {
  /** Of `docs/guide/`. */
  readonly guide: { readonly operating: string; readonly ipvsadm: string };
  /** Of `samples/`, by name. */
  readonly samples: ReadonlyMap<string, string>;
}

/** The texts of the pages by the names of their files. */
export function manualPages({ guide, samples }: Sources): ReadonlyMap<string, string> {
  const whole = samples.get('demo.yaml') ?? '';
  const pages = [
    weirPage(programModel(), guide.operating, VERSION),
    configPage({ whole, all: [...samples.values()] }, VERSION),
    ipvsadmPage(guide.ipvsadm, VERSION),
  ];
  return new Map(
    pages.flatMap((page): readonly (readonly [string, string])[] => {
      const [, ...others] = page.names;
      const elsewhere = `.so man${page.section}/${fileOf(page)}\n`;
      return [
        [fileOf(page), render(page)],
        ...others.map((name) => [`${name}.${page.section}`, elsewhere] as const),
      ];
    }),
  );
}

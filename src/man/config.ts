/** weir.yaml(5): every key, as the schema has it, with an example from the samples. */
import { parse, stringify } from 'yaml';
import { INTRODUCTION, type KeyGroup, type KeyText, keyGroups } from '../config/document.ts';
import { blocksOf } from './markdown.ts';
import { type Block, literal, type Page, type Term } from './page.ts';

/** A file that is shown as a whole, and the others, of which single values are. */
export interface Samples {
  readonly whole: string;
  readonly all: readonly string[];
}

/** Examples longer than this say less than they take. */
const LONGEST_EXAMPLE = 60;

/** The first value in the samples at a path such as `services[].servers[].weight`, as one line; undefined when there is none. */
function example(samples: readonly unknown[], path: string, key: string): string | undefined {
  const steps = [...path.split('.').filter(Boolean), key];
  for (const sample of samples) {
    const lines = valuesAt(sample, steps).map((value) =>
      stringify({ [key]: value }, { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: false })
        .trim()
        .replace(/^\{(.*)\}$/s, '$1'),
    );
    const short = lines.find((line) => line.length <= LONGEST_EXAMPLE && !line.includes('\n'));
    if (short !== undefined) return short;
  }
  return undefined;
}

function valuesAt(value: unknown, [step, ...rest]: readonly string[]): readonly unknown[] {
  if (step === undefined) return value === undefined || value === null ? [] : [value];
  if (typeof value !== 'object' || value === null) return [];
  const inner = (value as Readonly<Record<string, unknown>>)[step.replace('[]', '')];
  const each = step.endsWith('[]') && Array.isArray(inner) ? inner : [inner];
  return each.flatMap((one) => valuesAt(one, rest));
}

function keyTerm({ key, value, fallback, description, expected }: KeyText, shown: string | undefined): Term {
  const required = fallback === '*required*';
  const rest = required ? ' Required.' : fallback === '' ? '' : ` Default: ${fallback}.`;
  const about: Block[] = [
    { text: description },
    { text: `Value: ${expected ?? value}.${rest}` },
    ...(shown === undefined ? [] : [{ code: [shown] }]),
  ];
  return { term: literal(key), about };
}

const groupBlocks = (samples: readonly unknown[], { path, keys }: KeyGroup): readonly Block[] => [
  { heading: path === '' ? 'The top level' : path },
  { terms: keys.map((one) => keyTerm(one, example(samples, path, one.key))) },
];

/** The page. */
export function configPage({ whole, all }: Samples, version: string): Page {
  const samples = all.map((text) => parse(text) as unknown);
  return {
    names: ['weir.yaml'],
    section: 5,
    summary: 'configuration of weir, the load-balancing director',
    version,
    sections: [
      { title: 'Description', blocks: blocksOf(INTRODUCTION.replace(/^# .*\n/, '')) },
      { title: 'Keys', blocks: keyGroups().flatMap((group) => groupBlocks(samples, group)) },
      { title: 'Example', blocks: [{ code: whole.trimEnd().split('\n') }] },
      { title: 'See also', blocks: [{ text: 'weir(8), ipvsadm(8), sysctl(8), nft(8)' }] },
    ],
  };
}

/** weir(8): the command line as its help has it, and what the guide says of running it. */
import { EXIT_CODES } from '../cli/exit.ts';
import type { OptionModel, ProgramModel, VerbModel } from '../cli/model.ts';
import { NAMES } from '../cli/program.ts';
import { blocksOf, sectionOf } from './markdown.ts';
import { type Block, literal, type Page, type Term, term } from './page.ts';

/** `-c, --config <file>` as small Markdown: words to type are bold, words to fill in emphasised. */
function flagsText(flags: string): string {
  const [, words = '', value] = /^(.*?)( [<[].*)?$/.exec(flags) ?? [];
  const named = words.split(', ').map(literal).join(', ');
  return value === undefined ? named : `${named} *${value.replaceAll(/[<>]/g, '').trim()}*`;
}

/** `drain [options] <server>`: what stands in angle brackets is to be filled in. */
const usageText = (usage: string) =>
  usage
    .replace(/^\S+/, (verb) => literal(`weir ${verb}`))
    .replaceAll(/<(\w+)>/g, (_all, name) => `*${name}*`);

function optionTerm({ flags, description, choices, fallback }: OptionModel): Term {
  const more = [
    ...(choices.length > 0 ? [`One of ${choices.map(literal).join(', ')}.`] : []),
    ...(fallback === undefined ? [] : [`Default: ${literal(fallback)}.`]),
  ];
  return term(flagsText(flags), [`${description}.`, ...more].join(' '));
}

function verbTerm({ usage, description, options, examples }: VerbModel): Term {
  const about: Block[] = [
    { text: description },
    ...(options.length > 0 ? [{ terms: options.map(optionTerm) }] : []),
    { code: examples.flatMap(([line, purpose]) => [`# ${purpose}`, line]) },
  ];
  return { term: usageText(usage), about };
}

function commands({ verbs }: ProgramModel): readonly Block[] {
  const groups = [...new Set(verbs.map(({ group }) => group))];
  return groups.flatMap((group) => [
    { heading: group.replace(/:$/, '') },
    { terms: verbs.filter((verb) => verb.group === group).map(verbTerm) },
  ]);
}

const exitCodes: readonly Block[] = [
  { terms: EXIT_CODES.map(([code, meaning]) => term(literal(String(code)), meaning)) },
  { text: '`weir diff` ends as diff(1) does: 0 same, 1 different, more than 1 trouble.' },
];

/** The page; `operating` is that page of the guide. */
export function weirPage(model: ProgramModel, operating: string, version: string): Page {
  const ofGuide = (title: string, heading = title) => ({
    title,
    blocks: blocksOf(sectionOf(operating, heading)),
  });
  return {
    names: ['weir'],
    section: 8,
    summary: 'layer-4 load-balancing director',
    version,
    sections: [
      { title: 'Synopsis', blocks: [{ text: '`weir` [*options*] *verb* [*operands*]' }] },
      { title: 'Description', blocks: [{ text: model.description }] },
      { title: 'Options', blocks: [{ terms: model.options.map(optionTerm) }] },
      {
        title: 'Names',
        blocks: [{ terms: NAMES.map(([name, text]) => term(name.replace(/^<(.*)>$/, '*$1*'), text)) }],
      },
      { title: 'Commands', blocks: commands(model) },
      { title: 'Exit status', blocks: exitCodes },
      ofGuide('Signals', 'Signals to `weir run`'),
      ofGuide('Start, reload, end'),
      ofGuide('Files'),
      ofGuide('Environment'),
      { title: 'See also', blocks: [{ text: 'weir.yaml(5), ipvsadm(8), ip(8), nft(8), bpftool(8)' }] },
    ],
  };
}

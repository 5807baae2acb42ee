/** ipvsadm(8): the words of its help, and what the guide says of what is otherwise. */
import { EXIT_CODES } from '../ipvsadm/execute.ts';
import { HELP_GROUPS, USAGE } from '../ipvsadm/help.ts';
import { blocksOf, introductionOf, sectionOf } from './markdown.ts';
import { type Block, literal, type Page, term } from './page.ts';

/** `-p, --persistent [SECONDS]`: words in capitals are to be filled in. */
const wordsText = (words: string) =>
  words
    .split(/(\s+|, )/)
    .map((word) => (/^-/.test(word) ? literal(word) : word.replaceAll(/[A-Z]+/g, '*$&*')))
    .join('');

const options: readonly Block[] = HELP_GROUPS.flatMap(({ title, rows }) => [
  { heading: title },
  { terms: rows.map(([words, text]) => term(wordsText(words), text)) },
]);

/** The page; `guide` is that page of the guide. */
export function ipvsadmPage(guide: string, version: string): Page {
  const ofGuide = (title: string, heading = title) => ({
    title,
    blocks: blocksOf(sectionOf(guide, heading)),
  });
  return {
    names: ['ipvsadm', 'ipvsadm-save', 'ipvsadm-restore'],
    section: 8,
    summary: 'Linux Virtual Server administration',
    version,
    sections: [
      {
        title: 'Synopsis',
        blocks: [...USAGE, 'ipvsadm-save [-n] [--all]', 'ipvsadm-restore [--strict-compat]'].map((line) => ({
          text: literal(line),
        })),
      },
      { title: 'Description', blocks: blocksOf(introductionOf(guide)).slice(0, 2) },
      { title: 'Options', blocks: options },
      ofGuide('What is otherwise'),
      ofGuide('Rules in files'),
      ofGuide('While Weir directs'),
      {
        title: 'Exit status',
        blocks: [{ terms: EXIT_CODES.map(([code, meaning]) => term(literal(String(code)), meaning)) }],
      },
      ofGuide('Diagnostics', 'When it does not work'),
      { title: 'See also', blocks: [{ text: 'weir(8), weir.yaml(5)' }] },
    ],
  };
}

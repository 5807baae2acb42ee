/** `weir import ipvsadm FILE`: the rules of an ipvsadm as a configuration. */
import { readFileSync } from 'node:fs';
import { Option } from 'commander';
import type { ImportOptions } from '../../ipvsadm/to-config.ts';
import { USUAL_RULES, usualRules } from '../../ipvsadm/usual-rules.ts';
import { EXIT, UsageError } from '../exit.ts';
import { write } from '../session.ts';
import { cleanLines, plural } from '../text.ts';
import type { Verb } from '../verb.ts';

const say = (text: string) => `weir: ${cleanLines(text)}\n`;

export const importVerb: Verb = {
  name: 'import',
  operands: '<kind> [file]',
  choices: { kind: ['ipvsadm'] },
  group: 'Configuration:',
  summary: 'make a configuration of the rules of ipvsadm',
  description:
    'Prints a configuration that says what a file of rules says (`ipvsadm -S`), and on standard error, with its line, what of them it has not. ' +
    `Without a file: ${USUAL_RULES.join(' or ')}; - is standard input. Exits with 5 when something was left out.`,
  examples: [
    ['weir import ipvsadm > weir.yaml', 'the rules that Debian or Red Hat load at boot'],
    ['ipvsadm -Sn | weir import ipvsadm - --public ens3 --private ens4', 'what is in ip_vs now'],
  ],
  options(command) {
    command
      .option('--public <interface>', 'where clients come in', 'eth0')
      .option('--private <interface>', 'where the servers are', 'eth1')
      .addOption(
        new Option(
          '--dataplane <plane>',
          'ipvs has direct routing and tunnels, bpf what is Weir’s own',
        ).choices(['bpf', 'ipvs']),
      );
  },
  async run({ io }, kind, own, [, file]) {
    if (kind !== 'ipvsadm') throw new UsageError(`"${kind}" cannot be imported; ipvsadm can`);
    const path = file ?? usualRules();
    if (path === undefined)
      throw new UsageError(`there is neither ${USUAL_RULES.join(' nor ')}; name a file`);
    // Only who imports waits for all this to be read.
    const [{ openLookups }, { rulesetOf }, { parseWithLookups }, { readRules }, { configOf }] =
      await Promise.all([
        import('../../ipvsadm/lookup.ts'),
        import('../../ipvsadm/replace.ts'),
        import('../../ipvsadm/restore.ts'),
        import('../../ipvsadm/rules.ts'),
        import('../../ipvsadm/to-config.ts'),
      ]);
    const { parseConfig } = await import('../../config/parse.ts');
    const { formatProblems } = await import('../../config/problems.ts');
    const lookups = openLookups();
    const read = await readRules(readFileSync(path === '-' ? 0 : path, 'utf8'), {
      comments: true,
      parse: (argv) => parseWithLookups(argv, lookups),
    });
    if ('mistake' in read) {
      await write(io.stderr, say(`${path}: ${read.mistake.text}`));
      return EXIT.refused;
    }
    const lines = new Map<string, number>();
    const { ruleset, refusals } = rulesetOf(read.rules, lines);
    const { text, leftOut } = configOf(ruleset, lines, own as unknown as ImportOptions);
    await write(io.stdout, text);
    const notes = [...refusals, ...leftOut];
    for (const { line, text: why } of notes)
      await write(io.stderr, say(`${path}${line === undefined ? '' : `:${line}`}: ${why}`));
    const parsed = parseConfig(text, 'the configuration made of it');
    if (!parsed.ok) await write(io.stderr, `${cleanLines(formatProblems(parsed.problems, text))}\n`);
    if (notes.length > 0) await write(io.stderr, say(`${plural(notes.length, 'thing')} left out or changed`));
    return parsed.ok && notes.length === 0 ? EXIT.done : EXIT.refused;
  },
};

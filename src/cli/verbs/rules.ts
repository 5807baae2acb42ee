/** `weir save` and `weir restore`: what is balanced, as rules of ipvsadm in a file. */
import { USUAL_RULES, usualRules } from '../../ipvsadm/usual-rules.ts';
import { EXIT } from '../exit.ts';
import { type Session, write } from '../session.ts';
import { cleanLines } from '../text.ts';
import type { Verb } from '../verb.ts';

const WHERE = `Without a file: ${USUAL_RULES.join(' or ')}, whichever is there, else the first`;

/** Where the programs of ipvsadm would print, here. */
async function ioOf({ io, options: { runDir } }: Session) {
  const [{ openTable }, { openLookups }, { caller }] = await Promise.all([
    import('../../ipvsadm/open-table.ts'),
    import('../../ipvsadm/lookup.ts'),
    import('../../ipvsadm/caller.ts'),
  ]);
  return {
    out: (text: string) => write(io.stdout, text),
    err: (text: string) => write(io.stderr, `weir: ${cleanLines(text)}`),
    open: () => openTable(runDir, caller(io.env)),
    lookups: openLookups(),
  };
}

const exitOf = (code: number): number => (code === 0 ? EXIT.done : code === 2 ? EXIT.refused : EXIT.failed);

export const save: Verb = {
  name: 'save',
  operands: '[file]',
  group: 'Configuration:',
  summary: 'write what is balanced as rules of ipvsadm',
  description: `Writes rules that make all that is in ip_vs, or on the plane of the daemon that runs: services, servers, thresholds, time-outs, sync daemons. A crash or a full disk leaves the old file. ${WHERE}.`,
  examples: [['weir save', 'keep what is in ip_vs over the next boot']],
  async run(session, file) {
    const { saveRules } = await import('../../ipvsadm/rules-file.ts');
    return exitOf(await saveRules(file ?? usualRules() ?? USUAL_RULES[0], await ioOf(session)));
  },
};

export const restore: Verb = {
  name: 'restore',
  operands: '[file]',
  group: 'Configuration:',
  summary: 'replace what is in ip_vs by rules of ipvsadm',
  description: `Changes only what differs, and nothing when one of the lines makes no sense. ${WHERE}.`,
  examples: [
    ['weir restore', 'what packaging/systemd/weir-rules.service does at boot'],
    ['weir restore rules', 'take the rules of a file'],
  ],
  async run(session, file) {
    const { restoreRules } = await import('../../ipvsadm/rules-file.ts');
    return exitOf(await restoreRules(file ?? usualRules() ?? USUAL_RULES[0], await ioOf(session)));
  },
};

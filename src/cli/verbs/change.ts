/** `weir diff`, `weir apply` and `weir reload`: what a new configuration would do, and doing it. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Refused } from '../../api/control.ts';
import { EXIT, exitCodeOf, UsageError } from '../exit.ts';
import { output, planText, type Session, say } from '../session.ts';
import { plural } from '../text.ts';
import type { Verb } from '../verb.ts';

/** Says why a configuration was refused; resolves to the exit code. */
export async function sayRefused(session: Session, { ok, problems }: Refused): Promise<number> {
  await output(session, { ok, problems }, () => '');
  await say(
    session,
    [...problems, '', `${plural(problems.length, 'problem')}; nothing was changed`].join('\n'),
  );
  return EXIT.refused;
}

export const apply: Verb = {
  name: 'apply',
  operands: '<file>',
  group: 'Configuration:',
  summary: 'make a configuration the one in force',
  description:
    'Sends the file to the daemon, which carries out the difference. It stays in force until the next reload or start, which ' +
    'go back to the daemon’s own file; --persist writes it there, too. A file with a problem is refused as a whole, ' +
    'with exit code 5. With --if-version it is applied only while that version is in force, and otherwise exits 6; ' +
    '`weir status` shows the present one. `-` reads standard input.',
  examples: [
    ['weir diff new.yaml; weir apply new.yaml', 'look first, then try it'],
    ['weir apply new.yaml --persist', 'for good'],
    ['weir apply new.yaml --if-version 3f2a9c0d1e4b5f67', 'only if nobody else has changed it since'],
  ],
  options(command) {
    command
      .option('--persist', 'write it to the daemon’s own file, too')
      .option('--if-version <version>', 'only while this version is in force');
  },
  async run(session, operand, own) {
    const file = operand === undefined || operand === '-' ? '-' : operand;
    const text = readFileSync(file === '-' ? 0 : file, 'utf8');
    const version = own['ifVersion'] as string | undefined;
    const result = await session.client.apply(
      { file: file === '-' ? 'standard input' : file, text },
      { persist: own['persist'] === true, ...(version === undefined ? {} : { if_version: version }) },
    );
    if (!result.ok) return sayRefused(session, result);
    await output(session, result, () => planText(session, result.lines));
    if (!result.persisted) await say(session, 'in force until the next reload or start; --persist keeps it');
    return EXIT.done;
  },
};

export const diff: Verb = {
  name: 'diff',
  operands: '[file]',
  group: 'Configuration:',
  summary: 'show what a reload would change',
  description:
    'Asks the daemon what it would do to make the host and the data plane as its configuration file says now, or as ' +
    'the file named here says (-c means the same). Changes nothing. Exits 0 when there is nothing to do, 1 when there is, and ' +
    'more than 1 when it cannot tell: 2 failed, 4 daemon unreachable, 5 the file is bad.',
  examples: [
    ['weir diff', 'before weir reload'],
    ['weir diff new.yaml', 'before new.yaml takes the place of the present file'],
  ],
  async run(session, operand) {
    const file = operand ?? (session.configGiven ? session.options.config : undefined);
    const result = await session.client.diff(
      file === undefined ? undefined : { file, text: readFileSync(file, 'utf8') },
    );
    if (!result.ok) return sayRefused(session, result);
    const { steps, lines } = result;
    // Checks come and go without a step of the plan: they are in lines of their own.
    const changed = steps.length > 0 || lines.some((line) => /^[-+~] /.test(line));
    await output(session, { changed, steps, lines }, () => planText(session, lines));
    return changed ? 1 : 0;
  },
  // diff(1) too keeps 1 for "different".
  exitCode: (error) => Math.max(2, exitCodeOf(error)),
};

export const reload: Verb = {
  name: 'reload',
  group: 'Configuration:',
  summary: 'let the daemon read its configuration again',
  description:
    'The daemon reads its file again and carries out the difference. A file with a problem is refused as a whole, ' +
    'with exit code 5, and the configuration in force stays.',
  examples: [
    ['weir diff; weir reload', 'look first, then do it'],
    ['weir check && weir reload', 'for scripts'],
  ],
  async run(session) {
    if (session.configGiven) {
      const { config_file } = await session.client.status();
      if (resolve(session.options.config) !== config_file)
        throw new UsageError(
          `the daemon reads ${config_file}, and a reload cannot change that; put the new text there, or start a daemon with -c ${session.options.config}`,
        );
    }
    const result = await session.client.reload();
    if (!result.ok) return sayRefused(session, result);
    await output(session, result, () => planText(session, result.lines));
    return EXIT.done;
  },
};

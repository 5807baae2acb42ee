/** `weir completion`: scripts for shells, and what they ask. */
import { readdirSync } from 'node:fs';
import { type ControlClient, controlClient } from '../../api/client.ts';
import { socketPathIn } from '../../api/socket-path.ts';
import { formatEndpoint } from '../../core/address/address.ts';
import { type Completion, complete, type Live } from '../complete.ts';
import { SCRIPTS, SHELLS, type Shell } from '../completion-scripts.ts';
import { EXIT, UsageError } from '../exit.ts';
import type { ProgramModel } from '../model.ts';
import { print, type Session } from '../session.ts';
import { clean } from '../text.ts';
import type { Verb } from '../verb.ts';

/** The verb for the program whose model this is. */
export function completion(model: () => ProgramModel): Verb {
  return {
    name: 'completion',
    operands: '[shell] [word...]',
    choices: { shell: SHELLS },
    group: 'Looking:',
    summary: 'print what a shell needs to complete lines by Tab',
    description:
      'Prints a script for bash, zsh or fish, by which Tab completes verbs, options and their values; names of services and servers are those that ' +
      'the daemon has, where it may be asked. --line is what the script itself calls: what may stand at the end of the words after --.',
    examples: [
      ['weir completion bash > /usr/share/bash-completion/completions/weir', 'for all users of bash'],
      ['eval "$(weir completion bash)"', 'for this bash alone'],
      ['weir completion zsh > /usr/share/zsh/vendor-completions/_weir', 'of zsh'],
      ['weir completion fish > /usr/share/fish/vendor_completions.d/weir.fish', 'of fish'],
    ],
    options(command) {
      command.option('--line', 'what may stand at the end of the words after --');
    },
    async run(session, operand, own, words) {
      if (own['line'] === true) return answer(session, complete(model(), words), words.at(-1) ?? '');
      const shell = SHELLS.find((one) => one === operand);
      if (shell === undefined || words.length > 1)
        throw new UsageError(`for which shell? ${SHELLS.join(', ')}`);
      await print(session, SCRIPTS[shell satisfies Shell]);
      return EXIT.done;
    },
  };
}

/** The first line says what follows: words with what is said of them, or that paths may stand there. */
async function answer(session: Session, { paths, ...found }: Completion, last: string): Promise<number> {
  if (paths !== undefined) {
    await print(session, `:${paths}\n`);
    return EXIT.done;
  }
  const client = controlClient(socketPathIn(found.runDir ?? session.options.runDir));
  const names = (await Promise.all(found.live.map((kind) => namesOf(kind, client)))).flat();
  const fitting = names.map((name) => `${found.before}${name}`).filter((name) => name.startsWith(last));
  const all = [...found.words, ...new Set(fitting)].map((one) => (typeof one === 'string' ? [one, ''] : one));
  await print(
    session,
    [':words', ...all.map(([word = '', text = '']) => `${clean(word)}\t${text}`), ''].join('\n'),
  );
  return EXIT.done;
}

/** Names of a kind; none where the daemon does not answer, as nobody reads messages in the middle of a line. */
async function namesOf(kind: Live, client: ControlClient): Promise<readonly string[]> {
  try {
    if (kind === 'interface') return readdirSync('/sys/class/net');
    if (kind === 'service') return (await client.services()).map(({ key }) => key.replace(' ', '/'));
    return (await client.servers()).map(formatEndpoint);
  } catch {
    return [];
  }
}

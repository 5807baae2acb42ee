/** `weir version`: this program, and the daemon if one answers. */
import { DaemonUnreachable } from '../../api/client.ts';
import type { Status } from '../../api/control.ts';
import { VERSION } from '../../api/version.ts';
import { EXIT } from '../exit.ts';
import { output, say } from '../session.ts';
import { clean } from '../text.ts';
import type { Verb } from '../verb.ts';

export const version: Verb = {
  name: 'version',
  group: 'Looking:',
  summary: 'show the versions of this program and of the daemon',
  description:
    'Shows this program’s version, and the daemon’s if one answers; -o json its state too. Exits 0 either way.',
  examples: [['weir version -o json', 'for a bug report']],
  async run(session) {
    let daemon: Status | null = null;
    let absence: string | undefined;
    try {
      daemon = await session.client.status();
    } catch (error) {
      if (!(error instanceof DaemonUnreachable)) throw error;
      absence = error.message;
    }
    await output(session, { version: VERSION, daemon }, () =>
      [`weir    ${VERSION}`, ...(daemon === null ? [] : [`daemon  ${daemon.version}`])]
        .map((l) => `${clean(l)}\n`)
        .join(''),
    );
    if (absence !== undefined) await say(session, `no daemon: ${absence}`);
    return EXIT.done;
  },
};

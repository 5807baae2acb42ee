/** `weir events`: what happens, as it happens. */
import { DaemonUnreachable } from '../../api/client.ts';
import type { DirectorEvent } from '../../api/control.ts';
import { socketPathIn } from '../../api/socket-path.ts';
import { EXIT, UsageError } from '../exit.ts';
import { print, type Session, say, toJson, toYaml } from '../session.ts';
import { clean } from '../text.ts';
import type { Verb } from '../verb.ts';

/** One event as a line for people. */
function lineOf({ style }: Session, { time, level, event, fields }: DirectorEvent): string {
  const paint = { info: String, warn: style.yellow, error: style.red, fatal: style.red }[level];
  const pairs = Object.entries(fields).map(([name, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return `${name}=${/\s/.test(text) ? JSON.stringify(text) : text}`;
  });
  return `${[time.slice(11, 23), paint(level.padEnd(5)), event, ...pairs.map(clean)].join('  ')}\n`;
}

function textOf(session: Session, event: DirectorEvent): string {
  const { output } = session.options;
  if (output === 'json') return `${toJson(event, 0)}\n`;
  if (output === 'yaml') return `---\n${toYaml(event)}`;
  return lineOf(session, event);
}

export const events: Verb = {
  name: 'events',
  group: 'Looking:',
  summary: 'follow what happens',
  description:
    'Prints what happens in the daemon as it happens: changes, repairs, refusals; the same events as in its log. ' +
    '-o json writes an object to a line. Ends with the daemon (exit code 4), or by Ctrl-C.',
  examples: [
    ['weir events', 'from now on'],
    ['weir events --past -o json', 'those the daemon still has first, for a program'],
  ],
  options(command) {
    command
      .option('--past', 'begin with the events that the daemon still has')
      .option('--count <n>', 'end after so many events');
  },
  async run(session, _operand, own) {
    const count = own['count'] === undefined ? Number.POSITIVE_INFINITY : Number(own['count']);
    if (!(count >= 1) || (count !== Number.POSITIVE_INFINITY && !Number.isInteger(count)))
      throw new UsageError(`--count "${own['count']}" is not a whole number from 1 on`);
    let seen = 0;
    for await (const item of session.client.events({ past: own['past'] === true })) {
      if (item.kind === 'reset') {
        await say(session, 'weir: events are missing here; the daemon no longer has them');
        continue;
      }
      await print(session, textOf(session, item.event));
      if (++seen >= count) return EXIT.done;
    }
    // The stream ends with the daemon alone.
    throw new DaemonUnreachable(socketPathIn(session.options.runDir), 'broken');
  },
};

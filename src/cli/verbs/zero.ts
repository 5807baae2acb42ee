/** `weir zero`: counts from now on. */
import { EXIT } from '../exit.ts';
import { findServices } from '../find.ts';
import { output, say } from '../session.ts';
import { plural } from '../text.ts';
import type { Verb } from '../verb.ts';

export const zero: Verb = {
  name: 'zero',
  operands: '[service]',
  group: 'Configuration:',
  summary: 'set traffic counters to zero',
  description:
    'Lets connections, packets, bytes and verdicts count from now on, or those of one service. Present connections (ACTIVE, ' +
    'INACT) are as they are. It is the daemon that takes off what was counted before: after its next start the counts are ' +
    'again those since each service was first published.',
  examples: [
    ['weir zero', 'all services, and the verdicts'],
    ['weir zero tcp/203.0.113.100:80', 'one service'],
  ],
  async run(session, operand) {
    const { client } = session;
    const found = operand === undefined ? undefined : findServices(await client.services(), operand);
    const keys =
      found === undefined
        ? await client.zero()
        : (await Promise.all(found.map(({ key }) => client.zero(key)))).flat();
    await output(session, { services: keys }, () => '');
    await say(session, `${plural(keys.length, 'service')} set to zero`);
    return EXIT.done;
  },
};

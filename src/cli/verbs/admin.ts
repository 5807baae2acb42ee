/** `weir drain`, `undrain`, `disable` and `enable`: what an operator says of servers, over what is configured. */
import { formatEndpoint } from '../../core/address/address.ts';
import type { ServerStatus } from '../../core/health/status.ts';
import type { AdminState } from '../../core/model/override.ts';
import { EXIT, UsageError } from '../exit.ts';
import { findServices } from '../find.ts';
import { output, say } from '../session.ts';
import { plural } from '../text.ts';
import type { Verb } from '../verb.ts';

const DONE: { readonly [S in AdminState]: string } = {
  up: 'as configured',
  drain: 'drained',
  down: 'disabled',
};

/** One line for a server: what it is now, and what it still has. */
function lineOf(
  { service, active, inactive, templates, ...server }: ServerStatus,
  state: AdminState,
): string {
  const left = active + inactive;
  const remembered = templates > 0 ? `, remembered for ${plural(templates, 'client')}` : '';
  const rest = state === 'up' ? '' : `; ${plural(left, 'connection')} left${remembered}`;
  return `${formatEndpoint(server)} of ${service}: ${DONE[state]}${rest}`;
}

function adminVerb(
  name: string,
  state: AdminState,
  { summary, description, examples }: Pick<Verb, 'summary' | 'description' | 'examples'>,
): Verb {
  return {
    name,
    operands: '<server>',
    group: 'Configuration:',
    summary,
    description,
    examples,
    options(command) {
      command.option('--service <service>', 'only in this service');
      if (state !== 'up') command.option('--reason <text>', 'why, for those who look');
      if (state === 'drain') command.option('--deadline <time>', 'disable it after so long, such as 5m');
    },
    async run(session, operand, own) {
      if (operand === undefined) throw new UsageError('which server? An address, or address:port');
      const { client } = session;
      const named = own['service'] as string | undefined;
      const services =
        named === undefined
          ? [undefined]
          : findServices(await client.services(), named).map(({ key }) => key);
      const reason = own['reason'] as string | undefined;
      const deadline = own['deadline'] as string | undefined;
      const changed: ServerStatus[] = [];
      for (const service of services)
        changed.push(
          ...(await client.setAdminState(operand, state, {
            ...(service !== undefined && { service }),
            ...(reason !== undefined && { reason }),
            ...(deadline !== undefined && { deadline }),
          })),
        );
      await output(session, changed, () => changed.map((one) => `${lineOf(one, state)}\n`).join(''));
      if (changed.length === 0) await say(session, `${operand} is not configured; its override is forgotten`);
      return EXIT.done;
    },
  };
}

export const drain: Verb = adminVerb('drain', 'drain', {
  summary: 'give a server no new connections',
  description:
    'Sets the weight of the server to 0, in every service or in the one named, until weir undrain: over restarts and ' +
    'reloads. Connections that it has go on, and clients that a persistent service remembers for it still come; ' +
    'weir servers and weir overrides show how many are left, and the event drain_empty tells when none is. At its --deadline the ' +
    'server is disabled, as by weir disable: connections that are still there go on until they end.',
  examples: [
    ['weir drain 192.168.1.101 --reason "new disks"', 'before work on it'],
    ['weir drain 192.168.1.101 --deadline 5m', 'who is remembered for it goes elsewhere after that'],
    ['weir drain 192.168.1.101:80 --service tcp/203.0.113.100:80', 'one port, in one service'],
  ],
});

export const undrain: Verb = adminVerb('undrain', 'up', {
  summary: 'let a drained server have connections again',
  description:
    'Takes back weir drain and weir disable: the server is again as configured, if its checks pass.',
  examples: [['weir undrain 192.168.1.101', 'the work is done']],
});

export const disable: Verb = adminVerb('disable', 'down', {
  summary: 'take a server out of its services',
  description:
    'As weir drain, and clients that a persistent service remembers for the server go to others, too. Connections that ' +
    'it has go on until they end.',
  examples: [['weir disable 192.168.1.101', 'it answers, but wrongly']],
});

export const enable: Verb = adminVerb('enable', 'up', {
  summary: 'put a disabled server back',
  description: 'The same as weir undrain.',
  examples: [['weir enable 192.168.1.101', 'it is well again']],
});

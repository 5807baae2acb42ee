/** Every scheduler, by weights that change under way. */
import { flagsOf, SCHEDULERS, type Scheduler, type SchedulerFlag } from '../../../src/core/model/service.ts';
import type { Step } from '../scenario.ts';
import { client, type Draft, type Drafts, LOOK, server, several, weights } from '../words.ts';

/** A scheduler by weights, by weights that are changed while connections are open, and without one of the servers. */
function scheduling(scheduler: Scheduler, flags: readonly SchedulerFlag[] = []): Draft {
  return [
    {
      scheduler,
      ...(flags.length > 0 && { scheduler_flags: flags }),
      servers: [3, 1, 2].map((weight, i) => server(i + 1, { weight })),
    },
    [
      ...several(1, 8),
      { do: 'segment', from: client(2, 4000), flags: 'FIN-ACK' },
      LOOK,
      weights(1, 0, 4),
      ...several(11, 16),
      LOOK,
      // In front: there ip_vs puts a new one, and ties and hash tables go by the order.
      { do: 'publish', change: { servers: [server(4, { weight: 1 }), server(3, { weight: 2 })] } },
      ...several(21, 25),
      // Connections of those that are out of turn go on.
      ...[1, 3, 5].map((last): Step => ({ do: 'segment', from: client(last, 4000), flags: 'ACK' })),
      LOOK,
    ],
  ];
}

/** Those that the guest's kernel has a module for. */
const SCHEDULED = SCHEDULERS.filter((name) => name !== 'twos');

export const SCHEDULING: Drafts = {
  ...Object.fromEntries(SCHEDULED.map((name) => [`scheduler ${name}`, scheduling(name)])),
  ...Object.fromEntries(
    (['sh', 'mh'] as const).map((name) => [
      `scheduler ${name} with all flags`,
      scheduling(name, flagsOf(name)),
    ]),
  ),
};

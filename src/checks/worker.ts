/** The thread that makes the checks: it keeps their times whatever the daemon's loop is busy with. */
import { parentPort, workerData } from 'node:worker_threads';
import type { CheckState } from '../core/health/state.ts';
import type { CheckKey } from '../core/model/check.ts';
import { Connector } from '../kernel/connector.ts';
import { Pinger } from '../kernel/pinger.ts';
import { askBy } from './attempt.ts';
import { noteGroups } from './groups.ts';
import type { FromChecks, ThreadData, ToChecks } from './messages.ts';
import { Runner } from './runner.ts';
import { watchStalls } from './stalls.ts';

function main(port: NonNullable<typeof parentPort>): void {
  const { groups } = workerData as ThreadData;
  const say = (message: FromChecks) => port.postMessage(message);
  let changes = new Map<CheckKey, CheckState>();
  const runner = new Runner({
    ask: askBy({ connector: new Connector(), pinger: new Pinger(), watch: noteGroups(groups) }),
    stalls: watchStalls(),
    random: Math.random,
    changed: (key, state) => {
      // All that one turn of the loop finds goes together: a rack that fails is one change of the plan.
      if (changes.size === 0)
        setImmediate(() => {
          say({ kind: 'changed', states: changes });
          changes = new Map();
        });
      changes.set(key, state);
    },
  });
  port.on('message', (message: ToChecks) => {
    if (message.kind === 'set') runner.set(message.checks);
    else if (message.kind === 'end') process.exit();
    else {
      const states = message.states ? runner.states() : new Map<CheckKey, CheckState>();
      say({ kind: 'answer', id: message.id, states, scheduler: runner.report() });
    }
  });
}

// Only as a thread: to import this file does nothing.
if (parentPort !== null) main(parentPort);

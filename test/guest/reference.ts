/** A scenario played to the schedulers of src/core/schedule, and how their choices compare with those of ip_vs. */
import { addressBytes } from '../../src/core/address/address.ts';
import {
  SCHEDULER_FLAGS,
  SCHEDULERS,
  type Scheduler,
  type SchedulerFlag,
} from '../../src/core/model/service.ts';
import { type Candidate, type ScheduleState, startState } from '../../src/core/schedule/candidate.ts';
import * as schedule from '../../src/core/schedule/schedule.ts';
import { type Choices, choiceLetter, type Opening, openingsOf, type Scenario } from './scenario.ts';

/** Schedulers that ip_vs has too but the guest has not: Debian's user-mode-linux comes without ip_vs_twos. */
export const WITHOUT_ORACLE: readonly string[] = ['twos'];

/** Whether a scenario's scheduler is one of ours, with its flags. */
export function isOurs(scenario: Scenario): boolean {
  const isKnown = (words: readonly string[], word: string): boolean => words.includes(word);
  return (
    isKnown(SCHEDULERS, scenario.scheduler) && scenario.flags.every((flag) => isKnown(SCHEDULER_FLAGS, flag))
  );
}

/**
 * How many inactive connections an active one weighs for lc, wlc, lblc and lblcr, as the answer to a scenario shows in
 * which one active connection stays on the first of two servers. 257 from Linux 6.1.190 and 6.12.117 on at the latest
 * (ip_vs_dest_conn_overhead in net/ip_vs.h), and so it is here; 256 up to 6.1.176 at least, which Debian's
 * user-mode-linux still has. Throws when it is neither.
 */
export function activeWeight(weighing: Choices): number {
  const weight = weighing.indexOf('A', 1) - 1;
  if (weight !== 256 && weight !== 257)
    throw new Error(
      `an active connection of ip_vs weighs ${weight} inactive ones, not 256 or 257: ${weighing}`,
    );
  return weight;
}

type Load = { -readonly [K in keyof Candidate]: Candidate[K] };

function choose(
  scenario: Scenario,
  servers: readonly Load[],
  state: ScheduleState,
  { client, to }: Opening,
  active: number,
): number | undefined {
  // What our schedulers weigh as 257 weighs as little as it does in the kernel, when each takes an inactive one along.
  const weighed = servers.map((server, index) => ({
    ...server,
    index,
    inactive: server.inactive - (257 - active) * server.active,
  }));
  const { scheduler, flags } = scenario as { scheduler: Scheduler; flags: readonly SchedulerFlag[] };
  const request = {
    client: addressBytes(client.address),
    clientPort: client.port,
    destination: addressBytes(scenario.addresses[to]!),
    // No scenario lasts a day.
    now: 0,
    day: 1,
  };
  return schedule.choose({ scheduler, flags, servers: weighed, state }, request)?.index;
}

/** The scenario's servers with these weights, and no connections. */
const start = ({ servers }: Scenario, weights: readonly number[]): Load[] =>
  servers.map(({ address, port }, i) => ({
    address: addressBytes(address),
    port,
    weight: weights[i]!,
    lastWeight: weights[i]!,
    active: 0,
    inactive: 0,
  }));

const firstWeights = ({ servers }: Scenario): number[] => servers.map(({ weight }) => weight);

/** Whom our scheduler chooses, connection after connection, when an active one weighs `active` (activeWeight). */
export function referenceChoices(scenario: Scenario, active: number): Choices {
  const servers = start(scenario, firstWeights(scenario));
  const state = startState();
  const chosen: (number | undefined)[] = [];
  const serverOf = new Map<number, Load>();
  for (const [i, step] of scenario.steps.entries())
    switch (step.kind) {
      case 'weights':
        servers.forEach((server, s) => {
          server.weight = step.weights[s]!;
          server.lastWeight = server.weight || server.lastWeight;
        });
        break;
      case 'close': {
        const server = serverOf.get(step.step);
        if (server !== undefined) {
          server.active--;
          server.inactive++;
        }
        break;
      }
      default: {
        const index = choose(scenario, servers, state, step, active);
        chosen.push(index);
        if (index === undefined) break;
        serverOf.set(i, servers[index]!);
        // ip_vs counts SYN_RECV as active too (tcp_state_active_table, since Linux 4.9), and the scenario is ip_vs's.
        if (scenario.protocol === 'tcp') servers[index]!.active++;
        else servers[index]!.inactive++;
      }
    }
  return chosen.map(choiceLetter).join('');
}

/** What a scheduler that goes by turns alone answers with these weights from turn 0 on. */
function turns(scenario: Scenario, weights: readonly number[], count: number): Choices {
  const servers = start(scenario, weights);
  const state = startState();
  const [opening] = openingsOf(scenario);
  const choice = () => choiceLetter(choose(scenario, servers, state, opening!, 257));
  return Array.from({ length: count }, choice).join('');
}

/** The stretches of a scenario between changes of weights: the weights, and the number of openings. */
function stretchesOf(scenario: Scenario): { weights: readonly number[]; count: number }[] {
  const stretches = [
    { weights: scenario.servers.map(({ weight }): number => weight) as readonly number[], count: 0 },
  ];
  for (const step of scenario.steps)
    if (step.kind === 'weights') stretches.push({ weights: step.weights, count: 0 });
    else if (step.kind !== 'close') stretches.at(-1)!.count++;
  return stretches;
}

/**
 * rr and wrr go in the same circle as ip_vs, but do not always stand at the same place of it: ip_vs's wrr begins where
 * adding the servers one by one has left it, and after a change of weights both of its go on from a server, ours from
 * a turn. So each stretch is looked for anywhere in the circle, rr's first one at its beginning.
 */
function differsByTurns(scenario: Scenario, kernel: Choices): Choices | undefined {
  const ours: Choices[] = [];
  let position = 0;
  let differs = false;
  for (const [i, { weights, count }] of stretchesOf(scenario).entries()) {
    const theirs = kernel.slice(position, position + count);
    position += count;
    // No circle is longer than the sum of the weights.
    const circle = turns(scenario, weights, weights.reduce((sum, weight) => sum + weight, 0) + count);
    const found =
      scenario.scheduler === 'rr' && i === 0 ? circle.startsWith(theirs) : circle.includes(theirs);
    ours.push(found ? theirs : circle.slice(0, count));
    differs ||= !found;
  }
  return differs ? ours.join('') : undefined;
}

/** Undefined where our choices are those of ip_vs; else ours. */
function differingChoices(scenario: Scenario, kernel: Choices, active: number): Choices | undefined {
  if (scenario.scheduler === 'rr' || scenario.scheduler === 'wrr') return differsByTurns(scenario, kernel);
  const ours = referenceChoices(scenario, active);
  return ours === kernel ? undefined : ours;
}

/** For people: each scenario in which the choices differ, with both of them; `active` as activeWeight says. */
export function differences(
  scenarios: readonly Scenario[],
  kernel: readonly Choices[],
  active: number,
): string[] {
  return scenarios.flatMap((scenario, i) => {
    const ours = differingChoices(scenario, kernel[i]!, active);
    return ours === undefined ? [] : [`${scenario.name}\n  ip_vs ${kernel[i]}\n  weir  ${ours}`];
  });
}

/** A scenario played to the schedulers of src/core/schedule, and how their choices compare with those of ip_vs. */
import { addressBytes } from '../../src/core/address/address.ts';
import {
  SCHEDULER_FLAGS,
  SCHEDULERS,
  type Scheduler,
  type SchedulerFlag,
} from '../../src/core/model/service.ts';
import {
  connectionEnters,
  connectionLeaves,
  isOverloaded,
  type Thresholds,
} from '../../src/core/packet/overload.ts';
import { type Candidate, type ScheduleState, startState } from '../../src/core/schedule/candidate.ts';
import * as schedule from '../../src/core/schedule/schedule.ts';
import { type Choices, choiceLetter, type Opening, type Scenario, type Step } from './scenario.ts';

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

type Load = { -readonly [K in keyof Omit<Candidate, 'overloaded'>]: Candidate[K] } & {
  readonly thresholds: Thresholds;
  overloaded: number;
};

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
    overloaded: isOverloaded(server),
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
  servers.map(({ address, port, upper = 0, lower = 0 }, i) => ({
    address: addressBytes(address),
    port,
    weight: weights[i]!,
    lastWeight: weights[i]!,
    active: 0,
    inactive: 0,
    thresholds: { upper, lower },
    overloaded: 0,
  }));

const firstWeights = ({ servers }: Scenario): number[] => servers.map(({ weight }) => weight);

/** A scenario's servers in the course of it; steps other than openings are done by `follow`. */
function life(scenario: Scenario) {
  const servers = start(scenario, firstWeights(scenario));
  const serverOf = new Map<number, Load>();
  let closed: Load[] = [];
  const settle = (step: number): Load | undefined => {
    const server = serverOf.get(step);
    if (server !== undefined) {
      server.active--;
      server.inactive++;
    }
    return server;
  };
  return {
    servers,
    follow: (step: Exclude<Step, Opening>): void => {
      switch (step.kind) {
        case 'weights':
          servers.forEach((server, s) => {
            server.weight = step.weights[s]!;
            server.lastWeight = server.weight || server.lastWeight;
          });
          break;
        case 'close':
          settle(step.step);
          break;
        case 'reset':
          closed = [...closed, settle(step.step)].filter((one) => one !== undefined);
          break;
        case 'rest':
          for (const server of closed) {
            server.inactive--;
            connectionLeaves(server);
          }
          closed = [];
      }
    },
    /** The opening of a step goes to this server. */
    open: (step: number, index: number | undefined): void => {
      const server = index === undefined ? undefined : servers[index];
      if (server === undefined) return;
      serverOf.set(step, server);
      // ip_vs counts SYN_RECV as active too (tcp_state_active_table, since Linux 4.9), and the scenario is ip_vs's.
      if (scenario.protocol === 'tcp') server.active++;
      else server.inactive++;
      connectionEnters(server);
    },
  };
}

const isOpening = (step: Step): step is Opening => step.kind === 'open' || step.kind === 'half';

/** Whom our scheduler chooses, connection after connection, when an active one weighs `active` (activeWeight). */
export function referenceChoices(scenario: Scenario, active: number): Choices {
  const { servers, follow, open } = life(scenario);
  const state = startState();
  const chosen: (number | undefined)[] = [];
  for (const [i, step] of scenario.steps.entries()) {
    if (!isOpening(step)) {
      follow(step);
      continue;
    }
    const index = choose(scenario, servers, state, step, active);
    chosen.push(index);
    open(i, index);
  }
  return chosen.map(choiceLetter).join('');
}

/**
 * rr and wrr go in the same circle as ip_vs, but do not always stand at the same place of it: ip_vs's wrr begins where
 * adding the servers one by one has left it and goes on anywhere after it has found nobody, and after a change of
 * weights both of its go on from a server, ours from a turn. So all turns are kept that would have answered as ip_vs did.
 */
function differsByTurns(scenario: Scenario, kernel: Choices): Choices | undefined {
  const { servers, follow, open } = life(scenario);
  // No circle is longer than the sum of the weights.
  const circle = (): number[] => [...Array(servers.reduce((sum, { weight }) => sum + weight, 0) || 1).keys()];
  let turns = scenario.scheduler === 'rr' ? [0] : circle();
  let position = 0;
  for (const [i, step] of scenario.steps.entries()) {
    if (!isOpening(step)) {
      follow(step);
      if (step.kind === 'weights') turns = circle();
      continue;
    }
    const theirs = kernel[position]!;
    const answers = turns.map((turn) => {
      const state = { ...startState(), turns: turn };
      return { index: choose(scenario, servers, state, step, 257), next: state.turns };
    });
    const same = answers.filter(({ index }) => choiceLetter(index) === theirs);
    if (same.length === 0) return `${kernel.slice(0, position)}${choiceLetter(answers[0]!.index)}…`;
    turns = theirs === '-' && scenario.scheduler === 'wrr' ? circle() : same.map(({ next }) => next);
    open(i, same[0]!.index);
    position++;
  }
  return undefined;
}

/**
 * ip_vs's lblc gives a destination's connections to its server even when that is overloaded, and so leaves thresholds
 * without effect, unlike all others and ipvsadm(8). Ours does not (docs/decisions/0005).
 */
export function isWithoutOracle({ scheduler, servers }: Scenario): boolean {
  return scheduler === 'lblc' && servers.some(({ upper }) => upper !== undefined);
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
    if (isWithoutOracle(scenario)) return [];
    const ours = differingChoices(scenario, kernel[i]!, active);
    return ours === undefined ? [] : [`${scenario.name}\n  ip_vs ${kernel[i]}\n  weir  ${ours}`];
  });
}

/** The scenarios: every scheduler with every flag of its own, both families, weights of many kinds, changed or not. */
import { type Address, addressFromBytes, type Family } from '../../src/core/address/address.ts';
import type { Protocol } from '../../src/core/model/service.ts';
import type { Opening, Scenario, Step } from './scenario.ts';

/** Numbers from a seed, the same ones for the same seed: 0 up to, not including, `below`. */
export type Random = (below: number) => number;

/** Mixes a counter (an xorshift-multiply finaliser as in MurmurHash3); good enough for test cases. */
export function randomFrom(seed: number): Random {
  let counter = seed >>> 0;
  return (below) => {
    counter = (counter + 0x9e3779b9) >>> 0;
    let mixed = counter;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) % below;
  };
}

/** Ends the names of the scenarios that show what an active connection weighs. */
export const WEIGHING = 'one active';

/** Schedulers with their flags. twos is missing: Debian's user-mode-linux has no module for it. */
const VARIANTS: readonly (readonly [scheduler: string, ...flags: string[]])[] = [
  ['rr'],
  ['wrr'],
  ['lc'],
  ['wlc'],
  ['sed'],
  ['nq'],
  ['fo'],
  ['ovf'],
  ['dh'],
  ['sh'],
  ['sh', 'sh-port'],
  ['sh', 'sh-fallback'],
  ['sh', 'sh-fallback', 'sh-port'],
  ['mh'],
  ['mh', 'mh-port'],
  ['mh', 'mh-fallback'],
  ['mh', 'mh-fallback', 'mh-port'],
  ['lblc'],
  ['lblcr'],
];

/** Those that look at the destination: they get services of many addresses too. */
const BY_DESTINATION = ['dh', 'lblc', 'lblcr'];

/** Weights to begin with, and those that follow in the course of the scenario. */
const LIVES: readonly (readonly (readonly number[])[])[] = [
  [[1, 1, 1]],
  [[4, 3, 2]],
  [[6, 2, 4, 2]],
  [[3, 0, 1, 0, 2]],
  [[1, 10, 100]],
  [[0, 0]],
  [
    [3, 2, 1],
    [0, 2, 1],
    [3, 2, 4],
  ],
  [
    [1, 1, 1, 1],
    [0, 0, 0, 0],
    [1, 0, 1, 1],
  ],
];

function addressFrom(random: Random, family: Family, prefix: readonly number[]): Address {
  const length = family === 4 ? 4 : 16;
  // Not 0 at the end, which reads like a network.
  return addressFromBytes(
    Uint8Array.from({ length }, (_, i) => prefix[i] ?? (i === length - 1 ? 1 + random(254) : random(256))),
  );
}

/** As many of them as asked, no two the same. */
function distinct<T>(count: number, make: () => T, keyOf: (value: T) => string): T[] {
  const made = new Map<string, T>();
  while (made.size < count) {
    const value = make();
    made.set(keyOf(value), value);
  }
  return [...made.values()];
}

/** Openings of all kinds, some of them closed again; `changes` of the weights at equal distances. */
function life(
  random: Random,
  scenario: Pick<Scenario, 'family' | 'protocol' | 'addresses'>,
  changes: readonly (readonly number[])[],
  length: number,
): Step[] {
  const clients = distinct(
    12,
    () =>
      addressFrom(
        random,
        scenario.family,
        scenario.family === 4 ? [11 + random(89)] : [0x20, 0x01, 0x0d, 0xb8],
      ),
    String,
  );
  const endpoints = distinct(
    length,
    () => ({ address: clients[random(clients.length)]!, port: 1024 + random(64_512) }),
    ({ address, port }) => `${address} ${port}`,
  );
  const steps: Step[] = [];
  const closable: number[] = [];
  for (const [i, client] of endpoints.entries()) {
    const change = changes[(i * (changes.length + 1)) / length - 1];
    if (change !== undefined) steps.push({ kind: 'weights', weights: change });
    if (closable.length > 0 && random(4) === 0) {
      const [step] = closable.splice(random(closable.length), 1);
      steps.push({ kind: 'close', step: step! });
    }
    const kind: Opening['kind'] = random(5) === 0 ? 'half' : 'open';
    if (kind === 'open' && scenario.protocol === 'tcp') closable.push(steps.length);
    steps.push({ kind, client, to: random(scenario.addresses.length) });
  }
  return steps;
}

function makeScenario(
  random: Random,
  [scheduler, ...flags]: (typeof VARIANTS)[number],
  family: Family,
  weights: readonly (readonly number[])[],
  port: number,
  seen: string,
  protocol: Protocol = random(5) === 0 ? 'udp' : 'tcp',
): Scenario {
  const many = BY_DESTINATION.includes(scheduler) && random(3) > 0;
  const addresses = distinct(
    many ? 8 : 1,
    () => addressFrom(random, family, family === 4 ? [203, 0, 113] : [0xfd, 0xaa, 0, 1]),
    String,
  );
  const servers = distinct(
    weights[0]!.length,
    () => addressFrom(random, family, family === 4 ? [10] : [0xfd, 0xbb, 0, 2]),
    String,
  );
  const shared = { protocol, family, addresses } as const;
  const kind = `${protocol} over IPv${family}${many ? ' to many addresses' : ''}`;
  return {
    name: [[scheduler, ...flags].join(' '), kind, weights.map(String).join(' then '), seen].join('; '),
    scheduler,
    flags,
    ...shared,
    port,
    servers: servers.map((address, i) => ({ address, port: 1 + random(65_535), weight: weights[0]![i]! })),
    steps: life(random, shared, weights.slice(1), 48),
  };
}

/**
 * One connection that stays on the first of two servers, then many that are closed at once: as many of these go to the
 * second one as the kernel lets an active connection weigh.
 */
function weighing(scheduler: string, weights: readonly number[], port: number): Scenario {
  const random = randomFrom(port);
  const made = makeScenario(random, [scheduler], 4, [weights], port, WEIGHING, 'tcp');
  const open = (i: number): Opening => ({
    kind: 'open',
    client: { address: addressFrom(random, 4, [20]), port: 1024 + i },
    to: 0,
  });
  const closed = Array.from({ length: 270 }, (_, i): Step[] => [
    open(i + 1),
    { kind: 'close', step: 2 * i + 1 },
  ]);
  return { ...made, steps: [open(0), ...closed.flat()] };
}

/** Weights and upper thresholds; with the last ones all servers are overloaded in the end. */
const LIMITED: readonly (readonly [weights: readonly number[], uppers: readonly number[]])[] = [
  [
    [3, 2, 4, 3],
    [6, 3, 0, 1],
  ],
  [
    [2, 0, 9],
    [9, 4, 7],
  ],
];

/** A scheduler's scenario whose servers have upper thresholds, 0 for none. */
function limited(
  random: Random,
  variant: (typeof VARIANTS)[number],
  family: Family,
  [weights, uppers]: (typeof LIMITED)[number],
  port: number,
): Scenario {
  const made = makeScenario(random, variant, family, [weights], port, `at most ${uppers}`);
  const servers = made.servers.map((server, i) => ({ ...server, ...(uppers[i] && { upper: uppers[i] }) }));
  return { ...made, servers };
}

/** A server that takes eight connections, of which so many end: does it take the next one, or the other server? */
function relieved(lower: number, ending: number, port: number): Scenario {
  const random = randomFrom(port);
  const seen = `8 less ${ending} of at most 8${lower > 0 ? `, again below ${lower}` : ''}`;
  const made = makeScenario(random, ['fo'], 4, [[2, 1]], port, seen, 'tcp');
  const open = (i: number): Opening => ({
    kind: 'open',
    client: { address: addressFrom(random, 4, [20]), port: 1024 + i },
    to: 0,
  });
  const [first, second] = made.servers;
  return {
    ...made,
    servers: [{ ...first!, upper: 8, ...(lower > 0 && { lower }) }, second!],
    steps: [
      ...Array.from({ length: 9 }, (_, i) => open(i)),
      ...Array.from({ length: ending }, (_, step): Step => ({ kind: 'reset', step })),
      open(9),
      { kind: 'rest' },
      ...Array.from({ length: 4 }, (_, i) => open(10 + i)),
    ],
  };
}

/** Every variant with every life in both families, from a seed that is not to change: what the vectors answer. */
export function recordedScenarios(): Scenario[] {
  const random = randomFrom(2);
  const all = VARIANTS.flatMap((variant) =>
    ([4, 6] as const).flatMap((family) => LIVES.map((weights) => ({ variant, family, weights }))),
  );
  return [
    ...all.map(({ variant, family, weights }, i) =>
      makeScenario(random, variant, family, weights, 2000 + i, 'recorded'),
    ),
    weighing('lc', [1, 1], 2900),
    weighing('wlc', [1, 1], 2901),
    ...VARIANTS.flatMap((variant) =>
      ([4, 6] as const).flatMap((family) => LIMITED.map((limits) => ({ variant, family, limits }))),
    ).map(({ variant, family, limits }, i) => limited(random, variant, family, limits, 3000 + i)),
    ...[0, 3, 8].flatMap((lower, i) =>
      [1, 2, 3, 5, 6, 7].map((ending) => relieved(lower, ending, 3100 + 10 * i + ending)),
    ),
  ];
}

/** For every variant and family a few of 1–12 servers with random weights, perhaps changed twice. */
export function randomScenarios(seed: number, each: number): Scenario[] {
  const random = randomFrom(seed);
  const drawWeights = (count: number): number[] => {
    const highest = [1, 4, 20, 300][random(4)]!;
    return Array.from({ length: count }, () => random(highest + 1));
  };
  const scenarios: Scenario[] = [];
  for (const variant of VARIANTS)
    for (const family of [4, 6] as const)
      for (let i = 0; i < each; i++) {
        const count = 1 + random(12);
        const weights = Array.from({ length: [1, 1, 3][random(3)]! }, () => drawWeights(count));
        const port = 8000 + scenarios.length;
        scenarios.push(makeScenario(random, variant, family, weights, port, `random ${i}`));
      }
  return scenarios;
}

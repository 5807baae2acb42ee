/** The scenarios that both planes play. Each has a VIP of its own, so that they can be played side by side. */
import { type Address, parseAddress } from '../../src/core/address/address.ts';
import {
  flagsOf,
  type RealServer,
  SCHEDULERS,
  type Scheduler,
  type SchedulerFlag,
  type VirtualService,
} from '../../src/core/model/service.ts';
import { DEFAULT_TIMEOUTS } from '../../src/core/model/state.ts';
import type { Scenario, Step } from './scenario.ts';

/** ip_vs has one of each for all services, in seconds; UDP's short enough to be waited for. */
const TIMEOUTS = { ...DEFAULT_TIMEOUTS, established: 600_000, fin_wait: 40_000, udp: 10_000 };

const at = (text: string): Address => parseAddress(text)!;
/** A real server by its number from 1; its port is 8080 unless it is said. */
const server = (last: number, more: Partial<RealServer> = {}, family: 4 | 6 = 4): RealServer => ({
  address: at(family === 4 ? `192.168.1.${100 + last}` : `fd00:192:168:1::${100 + last}`),
  port: 8080,
  weight: 1,
  ...more,
});
const client = (last: number, port: number, family: 4 | 6 = 4): string =>
  family === 4 ? `198.51.100.${last}:${port}` : `[2001:db8:51::${last}]:${port}`;

type Change = Partial<VirtualService> & { readonly family?: 4 | 6 };
type Make = (service: (change?: Change) => VirtualService) => Pick<Scenario, 'services' | 'steps'>;

/** As many of a client's ports belong to a scenario. */
const PORTS_EACH = 20;

/** Scenarios by their names; `make` is given what makes services at the scenario's VIP. */
function scenarios(made: Readonly<Record<string, Make | readonly [Change, readonly Step[]]>>): Scenario[] {
  return Object.entries(made).map(([name, make], i) => {
    const service = ({ family = 4, ...change }: Change = {}): VirtualService => ({
      protocol: 'tcp',
      address: at(family === 4 ? `203.0.113.${130 + i}` : `2001:db8:113:1::${130 + i}`),
      port: 80,
      scheduler: 'rr',
      timeouts: TIMEOUTS,
      servers: [1, 2, 3].map((last) => server(last, {}, family)),
      ...change,
    });
    // Clients have ports of their own, too: nothing here is about two connections that a server could not tell apart.
    const apart = (steps: readonly Step[]): Step[] =>
      steps.map((step) =>
        'from' in step
          ? { ...step, from: step.from.replace(/\d+$/, (port) => String(Number(port) + PORTS_EACH * i)) }
          : step,
      );
    if (typeof make !== 'function') return { name, services: [service(make[0])], steps: apart(make[1]) };
    const { services, steps } = make(service);
    return { name, services, steps: apart(steps) };
  });
}

const open = (last: number, port = 4000): Step => ({ do: 'open', from: client(last, port) });
const send = (last: number, port = 4000): Step => ({ do: 'datagram', from: client(last, port) });
const LOOK: Step = { do: 'look' };
const weights = (...all: readonly number[]): Step => ({
  do: 'publish',
  change: { servers: all.map((weight, i) => server(i + 1, { weight })) },
});
const several = (from: number, to: number): Step[] =>
  Array.from({ length: to - from + 1 }, (_, i) => open(from + i));

/** A scheduler by weights, by weights that are changed while connections are open, and without one of the servers. */
function scheduling(
  scheduler: Scheduler,
  flags: readonly SchedulerFlag[] = [],
): readonly [Change, readonly Step[]] {
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

export const SCENARIOS: readonly Scenario[] = scenarios({
  ...Object.fromEntries(SCHEDULED.map((name) => [`scheduler ${name}`, scheduling(name)])),
  ...Object.fromEntries(
    (['sh', 'mh'] as const).map((name) => [
      `scheduler ${name} with all flags`,
      scheduling(name, flagsOf(name)),
    ]),
  ),
  'states of TCP': [
    {},
    [
      { do: 'segment', from: client(1, 4000), flags: 'SYN' },
      LOOK,
      { do: 'answer', from: client(1, 4000), flags: 'SYN-ACK' },
      LOOK,
      { do: 'segment', from: client(1, 4000), flags: 'ACK' },
      LOOK,
      { do: 'segment', from: client(1, 4000), flags: 'FIN-ACK' },
      LOOK,
      { do: 'answer', from: client(1, 4000), flags: 'FIN-ACK' },
      LOOK,
      { do: 'segment', from: client(1, 4000), flags: 'ACK' },
      LOOK,
      open(2),
      { do: 'answer', from: client(2, 4000), flags: 'FIN-ACK' },
      LOOK,
      { do: 'segment', from: client(2, 4000), flags: 'FIN-ACK' },
      LOOK,
      open(3),
      { do: 'answer', from: client(3, 4000), flags: 'RST' },
      LOOK,
      open(4),
      { do: 'segment', from: client(4, 4000), flags: 'RST' },
      LOOK,
    ],
  ],
  'a connection that was reset is gone after its time': [
    {},
    [
      open(1),
      { do: 'segment', from: client(1, 4000), flags: 'RST' },
      LOOK,
      { do: 'wait', seconds: 12 },
      LOOK,
    ],
  ],
  'what begins no connection': [
    {},
    [
      { do: 'segment', from: client(1, 4000), flags: 'ACK' },
      { do: 'segment', from: client(2, 4000), flags: 'RST' },
      { do: 'segment', from: client(3, 4000), flags: 'FIN-ACK' },
      { do: 'segment', from: client(4, 4000), flags: 'SYN', port: 81 },
      LOOK,
    ],
  ],
  'sloppy_tcp takes up connections': [
    { sloppy_tcp: true },
    [
      { do: 'segment', from: client(1, 4000), flags: 'ACK' },
      { do: 'answer', from: client(1, 4000), flags: 'ACK' },
      { do: 'segment', from: client(2, 4000), flags: 'RST' },
      { do: 'segment', from: client(3, 4000), flags: 'FIN-ACK' },
      LOOK,
    ],
  ],
  'a SYN on a connection that has ended': [
    {},
    [
      open(1),
      { do: 'segment', from: client(1, 4000), flags: 'FIN-ACK' },
      { do: 'answer', from: client(1, 4000), flags: 'FIN-ACK' },
      { do: 'segment', from: client(1, 4000), flags: 'ACK' },
      { do: 'segment', from: client(1, 4000), flags: 'SYN' },
      { do: 'answer', from: client(1, 4000), flags: 'SYN-ACK' },
    ],
  ],
  'persistence, and the same client again': [
    { persistence: { timeout: 300_000, granularity: 32 } },
    [open(1), open(2), open(1, 4001), open(2, 4001), open(3), LOOK],
  ],
  'persistence by networks of clients': [
    { persistence: { timeout: 120_000, granularity: 28 } },
    [open(1), open(14), open(17), open(30), open(33), open(2, 4001), LOOK],
  ],
  'persistence of every port': (service) => ({
    services: [
      service({
        port: 0,
        persistence: { timeout: 300_000, granularity: 32 },
        servers: [1, 2].map((last) => server(last, { port: 0 })),
      }),
    ],
    steps: [
      { do: 'open', from: client(1, 4000), port: 80 },
      { do: 'open', from: client(1, 4001), port: 443 },
      { do: 'open', from: client(2, 4000), port: 8080 },
      { do: 'open', from: client(2, 4001), port: 25 },
      LOOK,
    ],
  }),
  'persistence of two services with the same servers': (service) => {
    const persistence = { timeout: 300_000, granularity: 32 };
    return {
      services: [service({ persistence }), service({ port: 443, persistence })],
      steps: [
        { do: 'open', from: client(1, 4000) },
        { do: 'open', from: client(2, 4000) },
        { do: 'open', from: client(2, 4001), to: 1 },
        { do: 'open', from: client(1, 4001), to: 1 },
        { do: 'open', from: client(2, 4002) },
        LOOK,
      ],
    };
  },
  'persistence to a server of weight 0, which is kept': [
    { persistence: { timeout: 300_000, granularity: 32 } },
    [open(1), open(2), weights(0, 1, 1), open(1, 4001), weights(1, 1, 0), open(1, 4002), open(3), LOOK],
  ],
  'persistence over UDP, which ends with its time': [
    { protocol: 'udp', persistence: { timeout: 5_000, granularity: 32 } },
    [send(1), send(1, 4001), send(2), LOOK],
  ],
  'a lower threshold lets a server in again': [
    {
      scheduler: 'wlc',
      servers: [server(1, { weight: 10, upper_threshold: 4, lower_threshold: 3 }), server(2)],
    },
    [
      ...several(1, 6),
      LOOK,
      ...[1, 2].map((last): Step => ({ do: 'segment', from: client(last, 4000), flags: 'RST' })),
      open(7),
      { do: 'wait', seconds: 12 },
      ...several(11, 14),
      LOOK,
    ],
  ],
  'an upper threshold alone': [
    { scheduler: 'fo', servers: [server(1, { weight: 9, upper_threshold: 4 }), server(2)] },
    [
      ...several(1, 6),
      { do: 'segment', from: client(1, 4000), flags: 'RST' },
      { do: 'wait', seconds: 12 },
      open(11),
      open(12),
      LOOK,
    ],
  ],
  'all servers overloaded': [
    { servers: [server(1, { upper_threshold: 1 }), server(2, { upper_threshold: 1 })] },
    [open(1), open(2), { do: 'segment', from: client(3, 4000), flags: 'SYN' }, LOOK],
  ],
  'no server at all': [{ servers: [] }, [{ do: 'segment', from: client(1, 4000), flags: 'SYN' }, LOOK]],
  'no server at all, over UDP': [{ protocol: 'udp', servers: [] }, [send(1), LOOK]],
  'a server at weight 0 keeps its connections': [
    { scheduler: 'wlc' },
    [
      open(1),
      open(2),
      weights(0, 1, 1),
      { do: 'segment', from: client(1, 4000), flags: 'ACK' },
      { do: 'answer', from: client(1, 4000), flags: 'ACK' },
      ...several(11, 14),
      weights(1, 1, 1),
      LOOK,
    ],
  ],
  'a server that is removed finishes its connections, and comes back': [
    {},
    [
      open(1),
      open(2),
      open(3),
      { do: 'publish', change: { servers: [2, 3].map((last) => server(last)) } },
      { do: 'segment', from: client(1, 4000), flags: 'ACK' },
      { do: 'segment', from: client(2, 4000), flags: 'ACK' },
      LOOK,
      weights(1, 1, 1),
      { do: 'segment', from: client(1, 4000), flags: 'ACK' },
      LOOK,
    ],
  ],
  'a server that is added behind the others': [
    { scheduler: 'wlc', servers: [server(1)] },
    [{ do: 'publish', change: { servers: [server(1), server(2)] } }, ...several(1, 3), LOOK],
  ],
  'a service that is removed finishes its connections': [
    {},
    [
      open(1),
      { do: 'remove' },
      { do: 'segment', from: client(1, 4000), flags: 'ACK' },
      { do: 'answer', from: client(1, 4000), flags: 'ACK' },
      { do: 'segment', from: client(2, 4000), flags: 'SYN' },
    ],
  ],
  'connections of a server that goes down are ended': [
    {},
    [
      open(1),
      open(2),
      open(3),
      {
        do: 'publish',
        change: { servers: [2, 3].map((last) => server(last)), on_down: 'reset', gone: [server(1)] },
      },
      ...[1, 2, 3].map((last): Step => ({ do: 'segment', from: client(last, 4000), flags: 'ACK' })),
      ...[1, 2, 3].map((last): Step => ({ do: 'segment', from: client(last, 4000), flags: 'ACK' })),
      LOOK,
    ],
  ],
  'quiescent templates expire': [
    { scheduler: 'wlc', persistence: { timeout: 300_000, granularity: 32, expire_quiescent_template: true } },
    [open(1), open(2), weights(0, 1, 1), open(1, 4001), open(1, 4002), LOOK],
  ],
  'UDP, and its time': [
    { protocol: 'udp' },
    [
      send(1),
      send(2),
      { do: 'reply', from: client(1, 4000) },
      send(1),
      LOOK,
      { do: 'wait', seconds: 12 },
      LOOK,
      send(1),
      send(3),
      LOOK,
    ],
  ],
  'one packet': [
    { protocol: 'udp', one_packet: true },
    [send(1), send(1), send(1), send(2), LOOK, { do: 'reply', from: client(1, 4000) }],
  ],
  'ICMP errors': [
    {},
    [
      open(1),
      ...(['port unreachable', 'host unreachable', 'packet too big'] as const).flatMap((what): Step[] => [
        { do: 'error', from: client(1, 4000), by: 'client', what },
        { do: 'error', from: client(1, 4000), by: 'server', what },
      ]),
      LOOK,
    ],
  ],
  'ICMP errors over IPv6': (service) => ({
    services: [service({ family: 6 })],
    steps: [
      { do: 'open', from: client(1, 4000, 6) },
      ...(['port unreachable', 'packet too big'] as const).flatMap((what): Step[] => [
        { do: 'error', from: client(1, 4000, 6), by: 'client', what },
        { do: 'error', from: client(1, 4000, 6), by: 'server', what },
      ]),
    ],
  }),
  fragments: [
    { protocol: 'udp' },
    [
      { do: 'datagram', from: client(1, 4000), bytes: 4000 },
      { do: 'reply', from: client(1, 4000), bytes: 3000 },
      { do: 'datagram', from: client(2, 4000), bytes: 1500 },
      LOOK,
    ],
  ],
  'fragments over IPv6': (service) => ({
    services: [service({ family: 6, protocol: 'udp' })],
    steps: [
      { do: 'datagram', from: client(1, 4000, 6), bytes: 4000 },
      { do: 'reply', from: client(1, 4000, 6), bytes: 3000 },
    ],
  }),
  'the last hop': [
    { protocol: 'udp' },
    [
      { do: 'datagram', from: client(1, 4000), ttl: 1 },
      { do: 'datagram', from: client(1, 4000), ttl: 2 },
      { do: 'reply', from: client(1, 4000), ttl: 1 },
      { do: 'reply', from: client(1, 4000), ttl: 2 },
    ],
  ],
  'servers of one address by their ports': [
    { servers: [8080, 8081, 8082].map((port) => server(1, { port })) },
    [
      ...several(1, 4),
      { do: 'publish', change: { servers: [8081, 8082].map((port) => server(1, { port })) } },
      ...several(11, 13),
      LOOK,
    ],
  ],
  'two services with the same servers': (service) => ({
    services: [service({ scheduler: 'lc' }), service({ port: 443, scheduler: 'lc' })],
    steps: [
      { do: 'open', from: client(1, 4000) },
      { do: 'open', from: client(2, 4000), to: 1 },
      { do: 'open', from: client(3, 4000) },
      { do: 'open', from: client(4, 4000), to: 1 },
      LOOK,
    ],
  }),
  'a sorry server while nobody else is there': [
    { sorry_server: server(9) },
    [open(1), weights(0, 0, 0), open(2), open(3), weights(0, 1, 0), open(4), LOOK],
  ],
  IPv6: (service) => ({
    services: [service({ family: 6, scheduler: 'wlc' })],
    steps: [
      ...[1, 2, 3, 4].map((last): Step => ({ do: 'open', from: client(last, 4000, 6) })),
      { do: 'segment', from: client(1, 4000, 6), flags: 'FIN-ACK' },
      { do: 'answer', from: client(1, 4000, 6), flags: 'FIN-ACK' },
      { do: 'open', from: client(5, 4000, 6) },
      LOOK,
    ],
  }),
  'persistence over IPv6 by networks': (service) => ({
    services: [service({ family: 6, persistence: { timeout: 60_000, granularity: 124 } })],
    steps: [
      ...[1, 'e', 11, 21].map((last): Step => ({ do: 'open', from: `[2001:db8:51::${last}]:4000` })),
      LOOK,
    ],
  }),
});

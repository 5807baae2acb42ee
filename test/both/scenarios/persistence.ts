/** Clients that come again. */
import type { Step } from '../scenario.ts';
import { client, type Drafts, LOOK, open, send, server, weights } from '../words.ts';

export const PERSISTENCE: Drafts = {
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
  'quiescent templates expire': [
    { scheduler: 'wlc', persistence: { timeout: 300_000, granularity: 32, expire_quiescent_template: true } },
    [open(1), open(2), weights(0, 1, 1), open(1, 4001), open(1, 4002), LOOK],
  ],
  'persistence over IPv6 by networks': (service) => ({
    services: [service({ family: 6, persistence: { timeout: 60_000, granularity: 124 } })],
    steps: [
      ...[1, 'e', 11, 21].map((last): Step => ({ do: 'open', from: `[2001:db8:51::${last}]:4000` })),
      LOOK,
    ],
  }),
};

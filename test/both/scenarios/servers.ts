/** Servers and services that come, go, are full, or are not there. */
import type { Step } from '../scenario.ts';
import { client, type Drafts, LOOK, open, send, server, several, weights } from '../words.ts';

export const SERVERS: Drafts = {
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
};

/** The states of connections, what begins one, and its end. */
import type { Step } from '../scenario.ts';
import { client, type Drafts, LOOK, open, send } from '../words.ts';

export const CONNECTIONS: Drafts = {
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
};

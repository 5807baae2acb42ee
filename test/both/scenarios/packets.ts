/** What is not simply a segment or a datagram on its way: errors, fragments, the last hop. */
import type { Step } from '../scenario.ts';
import { client, type Drafts, LOOK, open } from '../words.ts';

export const PACKETS: Drafts = {
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
};

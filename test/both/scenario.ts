/** A scenario that both planes play: services, and what happens to them, as data. Nothing in it says what has to come of it. */
import type { VirtualService } from '../../src/core/model/service.ts';

/** Who a packet is from and what it goes to. */
interface Flow {
  /** The client's endpoint, such as `198.51.100.7:4000`. */
  readonly from: string;
  /** Which of the scenario's services it is for; default the first. */
  readonly to?: number;
  /** The port that it goes to; default the service's. */
  readonly port?: number;
}

/** What happens. */
export type Step =
  /** TCP: the client's SYN, and where a server gets it, its SYN-ACK and the client's ACK. */
  | ({ readonly do: 'open' } & Flow)
  /** TCP: one segment of the client, or of the server that it has got. */
  | ({ readonly do: 'segment'; readonly flags: keyof typeof FLAGS; readonly ttl?: number } & Flow)
  | ({ readonly do: 'answer'; readonly flags: keyof typeof FLAGS; readonly ttl?: number } & Flow)
  /** UDP: a datagram of the client with so many bytes, in fragments where it is larger than a frame; or an answer to one. */
  | ({ readonly do: 'datagram'; readonly bytes?: number; readonly ttl?: number } & Flow)
  | ({ readonly do: 'reply'; readonly bytes?: number; readonly ttl?: number } & Flow)
  /** An ICMP error of the client's side about what it was sent, or of the server's side about what that was sent. */
  | ({ readonly do: 'error'; readonly by: 'client' | 'server'; readonly what: keyof typeof ERRORS } & Flow)
  /** A service is changed, or removed. */
  | { readonly do: 'publish'; readonly change: Partial<VirtualService>; readonly of?: number }
  | { readonly do: 'remove'; readonly of?: number }
  /** Time passes. */
  | { readonly do: 'wait'; readonly seconds: number }
  /** Connections with their states and the time they have left, and what the servers have, are noted. */
  | { readonly do: 'look' };

/** Segments by the flags that they have. */
export const FLAGS = { SYN: 0x02, ACK: 0x10, 'SYN-ACK': 0x12, 'FIN-ACK': 0x11, RST: 0x04 } as const;

/** ICMP and ICMPv6 errors by type and code. */
export const ERRORS = {
  'port unreachable': { 4: [3, 3], 6: [1, 4] },
  'host unreachable': { 4: [3, 1], 6: [1, 3] },
  'packet too big': { 4: [3, 4], 6: [2, 0] },
} as const;

/** A life of some services. */
export interface Scenario {
  /** Unlike any other. */
  readonly name: string;
  readonly services: readonly VirtualService[];
  readonly steps: readonly Step[];
}

/** What was seen of a scenario: by the step and what of it, in words or as a number. */
export type Seen = Readonly<Record<string, string | number>>;

/** By the scenario's name. */
export type AllSeen = Readonly<Record<string, Seen>>;

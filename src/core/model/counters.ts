/** What the data plane counts. */
import type { Endpoint } from '../address/address.ts';
import type { Persistence } from './persistence.ts';
import type { ServiceKey } from './service.ts';
import type { Tunnel } from './tunnel.ts';

/** Traffic since the service or server was first published: whole numbers that never go down. */
export interface Traffic {
  readonly conns: number;
  /** Packets from clients. */
  readonly inpkts: number;
  /** Packets to clients. */
  readonly outpkts: number;
  /** Bytes from clients, from the IP header on. */
  readonly inbytes: number;
  /** Bytes to clients, from the IP header on. */
  readonly outbytes: number;
}

/** A real server's counters within one service. */
export interface ServerCounters extends Traffic, Endpoint {
  readonly weight: number;
  /** TCP connections in SYN_SENT, SYN_RECV, SYNACK and ESTABLISHED, as ip_vs counts. */
  readonly active: number;
  /** Connections in any other state. */
  readonly inactive: number;
  /** Persistence templates that lead to it. */
  readonly templates: number;
  /** True when the server is no longer configured and only finishes the connections it has. */
  readonly leaving: boolean;
  /** Its thresholds, where it has them. */
  readonly upper_threshold?: number;
  readonly lower_threshold?: number;
  /** Absent: nat. */
  readonly method?: 'direct' | 'tunnel';
  /** Only of the method tunnel; absent: IP in IP. */
  readonly tunnel?: Tunnel;
  /** Present while it gets no new connections because it has reached its upper threshold. */
  readonly overloaded?: true;
  /** Present on the sorry server, whose weight is 0. */
  readonly sorry?: true;
}

/** A service's counters; its own are not the sum of its servers', which come and go. */
export interface ServiceCounters extends Traffic {
  readonly key: ServiceKey;
  readonly scheduler: string;
  /** Absent unless the service is persistent. */
  readonly persistence?: Persistence;
  /** Flags of the scheduler, such as `sh-port`; left out when there are none. */
  readonly scheduler_flags?: readonly string[];
  /** Present where the service has them. */
  readonly sloppy_tcp?: true;
  readonly secure_tcp?: true;
  readonly one_packet?: true;
  readonly servers: readonly ServerCounters[];
  /** True when the service is no longer configured and only finishes the connections it has. */
  readonly leaving: boolean;
}

/** Packets by what became of them, over all services: name to count. */
export type Verdicts = Readonly<Record<string, number>>;

/** Connection states, by ip_vs's names, and how long a connection may stay idle in each. */

/**
 * States a connection can be in, in the order of `enum weir_state` in bpf/contract.h from NONE on.
 * All but UDP are TCP's.
 */
export const CONNECTION_STATES = [
  'NONE',
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT',
  'TIME_WAIT',
  'CLOSE',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'SYNACK',
  'UDP',
] as const;
export type ConnectionState = (typeof CONNECTION_STATES)[number];

/** What is listed beside them: no connection, but a client of a persistent service and the server it goes to. */
export const TRACKED_STATES = [...CONNECTION_STATES, 'TEMPLATE'] as const;

/** States of SCTP that TCP has not, by ip_vs's names (sctp_state_name_table in ip_vs_proto_sctp.c). */
export const SCTP_STATES = [
  'INIT1',
  'INIT',
  'C-SENT',
  'C-REPLIED',
  'C-WAIT',
  'COOKIE',
  'C-ECHOED',
  'S-SENT',
  'S-RECEIVED',
  'S-ACK-SENT',
  'REJECTED',
  'CLOSED',
] as const;

/** All that a listing may say. */
export const LISTED_STATES = [...TRACKED_STATES, ...SCTP_STATES] as const;
export type ListedState = (typeof LISTED_STATES)[number];

/** Idle time-outs by state, each in milliseconds, 1 s – 20 days. */
export type Timeouts = Readonly<Record<Lowercase<ConnectionState>, number>>;

/** The kernel's ip_vs defaults, in milliseconds. */
export const DEFAULT_TIMEOUTS: Timeouts = {
  none: 2_000,
  established: 900_000,
  syn_sent: 120_000,
  syn_recv: 60_000,
  fin_wait: 120_000,
  time_wait: 120_000,
  close: 10_000,
  close_wait: 60_000,
  last_ack: 30_000,
  listen: 120_000,
  synack: 120_000,
  udp: 300_000,
};

export const MIN_TIMEOUT_MS = 1_000;
export const MAX_TIMEOUT_MS = 20 * 86_400_000;

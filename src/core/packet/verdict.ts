/** What becomes of a packet, and the reasons that are counted. */

/** NEXT: the next program and the stack have it. REDIRECT: it leaves by its next hop, or its answer goes back. */
export const ACTIONS = ['NEXT', 'DROP', 'REDIRECT'] as const;
export type Action = (typeof ACTIONS)[number];

/** Why a packet was not simply forwarded, or how a connection ended; in the order of `enum weir_verdict`. */
export const VERDICTS = [
  'not_ours',
  'malformed',
  'fragment',
  'no_connection',
  'no_server',
  'no_route',
  'table_full',
  'ttl_exceeded',
  'conflict',
  'port_changed',
  'expired',
  'reclaimed',
  'half_open_evicted',
  'reused',
  'race_lost',
  'icmp_translated',
  'too_big',
  'fragmented',
  'answered',
  'answer_limited',
  'fragment_held',
  'fragment_dropped',
  'server_gone',
] as const;
export type Verdict = (typeof VERDICTS)[number];

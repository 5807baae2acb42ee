/** TCP's states as ip_vs follows them for NAT: the reference for bpf/state.h. */
import type { ConnectionState, ListedState } from '../model/state.ts';

/** IN comes from the client, OUT from the real server. */
export type Direction = 'in' | 'out';

export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const ACK = 0x10;

type TcpEvent = 'syn' | 'fin' | 'ack' | 'rst';

const SHORT: Readonly<Record<string, ConnectionState>> = {
  NO: 'NONE',
  ES: 'ESTABLISHED',
  SS: 'SYN_SENT',
  SR: 'SYN_RECV',
  FW: 'FIN_WAIT',
  TW: 'TIME_WAIT',
  CL: 'CLOSE',
  CW: 'CLOSE_WAIT',
  LA: 'LAST_ACK',
  LI: 'LISTEN',
  SA: 'SYNACK',
};
const COLUMNS = Object.values(SHORT);

const row = (text: string): ReadonlyMap<ConnectionState, ConnectionState> =>
  new Map(text.split(' ').map((short, column) => [COLUMNS[column]!, SHORT[short]!]));

type Table = Readonly<Record<Direction, Readonly<Record<TcpEvent, ReturnType<typeof row>>>>>;

const USUAL: Table = {
  in: {
    //        NO ES SS SR FW TW CL CW LA LI SA
    syn: row('SR ES ES SR SR SR SR SR SR SR SR'),
    fin: row('CL CW SS TW TW TW CL CW LA LI TW'),
    ack: row('ES ES SS ES FW TW CL CW CL LI ES'),
    rst: row('CL CL CL SR CL CL CL CL LA LI SR'),
  },
  out: {
    syn: row('SS ES SS SR SS SS SS SS SS LI SR'),
    fin: row('TW FW SS TW FW TW CL TW LA LI TW'),
    ack: row('ES ES SS ES FW TW CL CW LA ES ES'),
    rst: row('CL CL SS CL CL TW CL CL CL CL CL'),
  },
};

/** That of secure_tcp: a connection is established by the server's acknowledgement alone. */
const SECURE: Table = {
  in: {
    //        NO ES SS SR FW TW CL CW LA LI SA
    syn: row('SR ES ES SR SR SR SR SR SR SR SA'),
    fin: row('CL CW SS TW TW TW CL CW LA LI SA'),
    ack: row('ES ES SS SR FW TW CL CW CL LI SA'),
    rst: row('CL CL CL SR CL CL CL CL LA LI CL'),
  },
  out: {
    syn: row('SS ES SS SA SS SS SS SS SS LI SA'),
    fin: row('TW FW SS TW FW TW CL TW LA LI TW'),
    ack: row('ES ES SS ES FW TW CL CW LA ES ES'),
    rst: row('CL CL SS CL CL TW CL CL CL CL CL'),
  },
};

/** The flags of the first packet of a connection: a SYN, and nothing else besides. */
export function isOpening(flags: number): boolean {
  return (flags & (SYN | ACK | RST | FIN)) === SYN;
}

/** Of several flags RST counts before SYN, SYN before FIN, FIN before ACK; none of them is no event. */
function eventOf(flags: number): TcpEvent | undefined {
  if (flags & RST) return 'rst';
  if (flags & SYN) return 'syn';
  if (flags & FIN) return 'fin';
  return flags & ACK ? 'ack' : undefined;
}

/** The state that follows `state` when a segment with these flags passes; by secure_tcp's table or the usual one. */
export function nextState(
  state: ConnectionState,
  flags: number,
  direction: Direction,
  secure = false,
): ConnectionState {
  const event = eventOf(flags);
  if (event === undefined) return state;
  return (secure ? SECURE : USUAL)[direction][event].get(state) ?? state;
}

/** What ip_vs counts as active, since 4.8 before the handshake's end already. UDP is not. */
export function isActive(state: ConnectionState): boolean {
  return state === 'ESTABLISHED' || isHalfOpen(state);
}

/** Whether a connection in this state waits for its handshake. */
export function isHalfOpen(state: ConnectionState): boolean {
  return state === 'SYN_RECV' || state === 'SYN_SENT' || state === 'SYNACK';
}

/**
 * Whether a connection may make room in a full table: it has ended, is ending, or nobody has ever answered it. So may one
 * that was taken up in the middle (sloppy_tcp) and a template none of whose connections is known to have been answered.
 */
export function isExpendable(state: ListedState, replied: boolean): boolean {
  const isUnanswered = (state === 'UDP' || state === 'TEMPLATE' || state === 'ESTABLISHED') && !replied;
  return state === 'TIME_WAIT' || state === 'CLOSE' || state === 'LAST_ACK' || isUnanswered;
}

/**
 * The state after a packet of a connection. A client that acknowledges what no server has sent was never sent anything:
 * it stays half-open (ip_vs takes its word for it).
 */
export function stateAfter(
  state: ConnectionState,
  replied: boolean,
  flags: number,
  direction: Direction,
  secure: boolean,
): ConnectionState {
  const next = nextState(state, flags, direction, secure);
  const isPretence = direction === 'in' && isHalfOpen(state) && !replied;
  return next === 'ESTABLISHED' && isPretence ? state : next;
}

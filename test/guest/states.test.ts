/** Our tables of TCP's states against the kernel's own ip_vs, in a guest: usual and secure_tcp's, sloppy_tcp or not. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { ConnectionState } from '../../src/core/model/state.ts';
import { ACK, type Direction, FIN, nextState, RST, SYN } from '../../src/core/packet/state.ts';
import { findGuest } from '../../src/lab/guest/guest.ts';
import { askStates } from './ask.ts';
import type { Segment, StatesAnswer } from './states-job.ts';

const MODES = [false, true].flatMap((secure) => [false, true].map((sloppy) => ({ secure, sloppy })));

const EVENTS = (['in', 'out'] as const).flatMap((direction) =>
  [SYN, FIN, ACK, RST, SYN | ACK].map((flags): Segment => [direction, flags]),
);

/** Every row of so many segments that a client begins. */
function rows(length: number): Segment[][] {
  const first = EVENTS.filter(([direction]) => direction === 'in').map((event) => [event]);
  const step = (all: Segment[][]) => all.flatMap((row) => EVENTS.map((event) => [...row, event]));
  return length === 1 ? first : step(rows(length - 1));
}
const CONNECTIONS = [1, 2, 3].flatMap(rows);

/** What becomes of a connection by our tables; null where there is none. ip_vs takes a SYN with any flag but RST for one. */
function expected(segments: readonly Segment[], secure: boolean, sloppy: boolean): string | null {
  let state: ConnectionState | undefined;
  const begins = (direction: Direction, flags: number) =>
    direction === 'in' && (flags & RST) === 0 && (sloppy || (flags & SYN) !== 0);
  for (const [direction, flags] of segments)
    if (state !== undefined || begins(direction, flags)) {
      // conn_reuse_mode 1: a SYN on what has ended is a new connection.
      const isNew = state === undefined || (isPlainSyn(direction, flags) && hasEnded(state));
      state = nextState(isNew ? 'NONE' : state!, flags, direction, secure);
    }
  return state ?? null;
}
const isPlainSyn = (direction: Direction, flags: number): boolean => direction === 'in' && flags === SYN;
const hasEnded = (state: ConnectionState): boolean => state === 'TIME_WAIT' || state === 'CLOSE';

const guest = findGuest();

describe.skipIf(guest === undefined)('TCP in ip_vs', () => {
  let answer: StatesAnswer;
  beforeAll(async () => {
    answer = await askStates(guest!, { connections: CONNECTIONS, modes: MODES });
  }, 150_000);

  it.each(MODES.map((mode, i) => [mode, i] as const))('goes as ours in mode %j', ({ secure, sloppy }, i) => {
    const found = CONNECTIONS.flatMap((segments, at) => {
      const [theirs, ours] = [answer[i]![at], expected(segments, secure, sloppy)];
      return theirs === ours ? [] : [`${JSON.stringify(segments)}: ip_vs ${theirs}, weir ${ours}`];
    });
    expect(found.join('\n')).toBe('');
    expect(new Set(answer[i]).size).toBeGreaterThan(5);
  });
});

/**
 * ip_vs's TCP table for NAT, one row for each direction and event: the state before stands above each state after.
 * Both packet paths are held against it.
 */
import type { ConnectionState } from '../../src/core/model/state.ts';

const STATES: Readonly<Record<string, ConnectionState>> = {
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

const USUAL = `
before  : NO ES SS SR FW TW CL CW LA LI SA
in  SYN : SR ES ES SR SR SR SR SR SR SR SR
in  FIN : CL CW SS TW TW TW CL CW LA LI TW
in  ACK : ES ES SS ES FW TW CL CW CL LI ES
in  RST : CL CL CL SR CL CL CL CL LA LI SR
out SYN : SS ES SS SR SS SS SS SS SS LI SR
out FIN : TW FW SS TW FW TW CL TW LA LI TW
out ACK : ES ES SS ES FW TW CL CW LA ES ES
out RST : CL CL SS CL CL TW CL CL CL CL CL`;

/** The rows in which secure_tcp's table differs. */
const SECURE: readonly (readonly [usual: string, secure: string])[] = [
  ['in  SYN : SR ES ES SR SR SR SR SR SR SR SR', 'in  SYN : SR ES ES SR SR SR SR SR SR SR SA'],
  ['in  FIN : CL CW SS TW TW TW CL CW LA LI TW', 'in  FIN : CL CW SS TW TW TW CL CW LA LI SA'],
  ['in  ACK : ES ES SS ES FW TW CL CW CL LI ES', 'in  ACK : ES ES SS SR FW TW CL CW CL LI SA'],
  ['in  RST : CL CL CL SR CL CL CL CL LA LI SR', 'in  RST : CL CL CL SR CL CL CL CL LA LI CL'],
  ['out SYN : SS ES SS SR SS SS SS SS SS LI SR', 'out SYN : SS ES SS SA SS SS SS SS SS LI SA'],
];

/** Flags of each event; those that count for less may be set as well: RST before SYN, SYN before FIN, FIN before ACK. */
const FLAGS: Readonly<Record<string, readonly number[]>> = {
  SYN: [0x02, 0x12, 0x13, 0x1b],
  FIN: [0x01, 0x11, 0x19],
  ACK: [0x10, 0x18, 0x30],
  RST: [0x04, 0x14, 0x05, 0x17, 0xff],
};

/** One vector: a segment in that state leads to this one. */
export interface TcpVector {
  readonly direction: 'in' | 'out';
  readonly flags: number;
  readonly before: ConnectionState;
  readonly after: ConnectionState;
}

/** Every vector of a table, and some without any event, which change nothing. */
function vectorsOf(table: string): readonly TcpVector[] {
  const [head, ...rows] = table
    .trim()
    .split('\n')
    .map((line) => line.split(':').map((part) => part.trim()));
  const before = head![1]!.split(' ');
  return [
    ...rows.flatMap(([name, cells]) => {
      const [direction, event] = name!.split(/\s+/) as ['in' | 'out', string];
      return cells!.split(' ').flatMap((after, i) =>
        FLAGS[event]!.map((flags) => ({
          direction,
          flags,
          before: STATES[before[i]!]!,
          after: STATES[after]!,
        })),
      );
    }),
    ...Object.values(STATES).flatMap((state) =>
      (['in', 'out'] as const).map((direction) => ({ direction, flags: 0x08, before: state, after: state })),
    ),
  ];
}

/** Those of the usual table, and of secure_tcp's. */
export const TCP_VECTORS = vectorsOf(USUAL);
export const SECURE_TCP_VECTORS = vectorsOf(
  SECURE.reduce((table, [usual, secure]) => table.replace(usual, secure), USUAL),
);

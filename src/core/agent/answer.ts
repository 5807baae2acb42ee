/** What `weir agent` answers: what its operator wants of the server, and how much of its weight it takes. */
import { parseAgentLine } from '../health/agent.ts';
import type { Reading } from './readings.ts';

/** What an operator can want: `ready` takes back all the others. */
export const STATES = ['ready', 'drain', 'maint', 'down', 'stopped'] as const;
export type State = (typeof STATES)[number];

/** What is wanted, and why. */
export interface Wanted {
  readonly state: State;
  /** Empty for no reason. */
  readonly reason: string;
}

export const READY: Wanted = { state: 'ready', reason: '' };

/** Printable ASCII on one line: the protocol knows nothing else. */
const plain = (text: string): string => text.replaceAll(/[^\x20-\x7e]/g, ' ').trim();

/** As it is kept in a file: `drain # new disks`. */
export const wantedLine = ({ state, reason }: Wanted): string =>
  `${state}${reason === '' ? '' : ` # ${plain(reason)}`}\n`;

/** Reads what is kept in a file; an empty one is `ready`. Undefined for words that are not known. */
export function parseWanted(text: string): Wanted | undefined {
  const [line = ''] = text.split('\n', 1);
  const [word = '', ...rest] = line.split('#');
  const wanted = word.trim().toLowerCase() || 'ready';
  const state = STATES.find((one) => one === wanted);
  return state && { state, reason: plain(rest.join('#')) };
}

/**
 * The line that is answered. What is wanted is said in full each time, as a director keeps what it has heard until it hears
 * otherwise: `up ready 75% # load 0.50 on 2 CPUs`.
 */
export function answerLine({ state, reason }: Wanted, reading: Reading | undefined): string {
  const isAdmin = state === 'ready' || state === 'drain' || state === 'maint';
  const words = [isAdmin ? 'up' : state, isAdmin ? state : 'ready'];
  if (reading !== undefined) words.push(`${reading.percent}%`);
  const why = state === 'ready' ? (reading?.reason ?? '') : reason;
  const line = words.join(' ');
  // What is not understood here is understood nowhere.
  if (parseAgentLine(line) === undefined) throw new Error(`"${line}" is no answer of an agent`);
  return `${line}${why === '' ? '' : ` # ${plain(why)}`}\n`;
}

/**
 * The line that an agent on a server answers: HAProxy's agent-check protocol (its configuration manual, "agent-check").
 * Words in any order, parted by white space or commas; what comes after "#" explains.
 */

/** The longest explanation that is kept, in characters. */
const LONGEST_REASON = 80;

/** What an agent said; what it did not say is absent. */
export interface AgentAnswer {
  /** How much of its weight the server wants, in percent, 0 – 256. */
  readonly percent?: number;
  /** The most connections that it wants. */
  readonly maxconn?: number;
  /** What it is by its own judgement. */
  readonly state?: 'up' | 'down' | 'failed' | 'stopped';
  /** What its operator wants. */
  readonly admin?: 'ready' | 'drain' | 'maint';
  /** For people; printable ASCII. */
  readonly reason?: string;
}

const STATES: readonly string[] = ['up', 'down', 'failed', 'stopped'] satisfies AgentAnswer['state'][];
const ADMINS: readonly string[] = ['ready', 'drain', 'maint'] satisfies AgentAnswer['admin'][];
/** HAProxy's highest weight: more than it is never asked for. */
const MAX_PERCENT = 256;

/** Reads the first line of `text`. Words that are not known are passed over; undefined if none is known. Of two alike the last counts. */
export function parseAgentLine(text: string): AgentAnswer | undefined {
  const [line = ''] = text.split(/[\r\n]/, 1);
  const hash = line.indexOf('#');
  const words = (hash < 0 ? line : line.slice(0, hash)).split(/[\s,]+/).map((word) => word.toLowerCase());
  const answer: { -readonly [K in keyof AgentAnswer]: AgentAnswer[K] } = {};
  for (const word of words) {
    const percent = /^(\d{1,9})%$/.exec(word)?.[1];
    const maxconn = /^maxconn:(\d{1,9})$/.exec(word)?.[1];
    if (percent !== undefined) answer.percent = Math.min(MAX_PERCENT, Number(percent));
    else if (maxconn !== undefined) answer.maxconn = Number(maxconn);
    else if (word === 'fail') answer.state = 'failed';
    else if (STATES.includes(word)) answer.state = word as NonNullable<AgentAnswer['state']>;
    else if (ADMINS.includes(word)) answer.admin = word as NonNullable<AgentAnswer['admin']>;
  }
  if (Object.keys(answer).length === 0) return undefined;
  const reason =
    hash < 0
      ? ''
      : line
          .slice(hash + 1)
          .replaceAll(/[^\x20-\x7e]/g, ' ')
          .trim();
  return reason === '' ? answer : { ...answer, reason: reason.slice(0, LONGEST_REASON) };
}

/** Whether a server of which its agent says this is to have traffic, and why. */
export function judgeAgent({ percent, state, admin, reason }: AgentAnswer): {
  readonly up: boolean;
  readonly reason: string;
} {
  const down = state !== undefined && state !== 'up';
  const kept = admin === 'drain' || admin === 'maint';
  const said = [state, admin, percent === undefined ? undefined : `${percent}%`].filter(
    (word) => word !== undefined,
  );
  const why = `the agent says ${said.join(' ') || 'nothing against it'}${reason === undefined ? '' : `: ${reason}`}`;
  return { up: !down && !kept && percent !== 0, reason: why };
}

/**
 * How much of its weight a server of which its agent says this asks for, in percent; undefined if it is to have no traffic at
 * all. To drain is to ask for nothing. An answer without a percentage asks for the whole weight: each stands for itself.
 */
export function figureOf({ percent = 100, state, admin }: AgentAnswer): number | undefined {
  if ((state !== undefined && state !== 'up') || admin === 'maint') return undefined;
  return admin === 'drain' ? 0 : percent;
}

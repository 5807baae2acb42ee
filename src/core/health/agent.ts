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

/** What an agent has said that still holds; what is absent is `up`, `ready` and no percentage. */
export interface AgentKept {
  readonly percent?: number;
  readonly state?: Exclude<AgentAnswer['state'], 'up' | undefined>;
  readonly admin?: Exclude<AgentAnswer['admin'], 'ready' | undefined>;
}

/**
 * What holds after one more answer. As HAProxy keeps them, `maint` and `drain` hold until `ready`, `down`, `failed` and `stopped`
 * until `up`, and a percentage until the next: an answer changes what it names, and nothing else.
 */
export function keepAnswer(before: AgentKept, answer: AgentAnswer): AgentKept {
  const percent = answer.percent ?? before.percent;
  const state = answer.state ?? before.state;
  const admin = answer.admin ?? before.admin;
  return {
    ...(percent !== undefined && { percent }),
    ...(state !== undefined && state !== 'up' && { state }),
    ...(admin !== undefined && admin !== 'ready' && { admin }),
  };
}

/** Whether the same holds. */
export const sameKept = (a: AgentKept = {}, b: AgentKept = {}): boolean =>
  a.percent === b.percent && a.state === b.state && a.admin === b.admin;

/** Whether a server whose agent has just answered is to have traffic by what holds now, and why. */
export function judgeAgent(
  answer: AgentAnswer,
  kept: AgentKept = keepAnswer({}, answer),
): { readonly up: boolean; readonly reason: string } {
  const { percent, state, admin, reason } = answer;
  const said = [state, admin, percentText(percent)].filter((word) => word !== undefined);
  const old = [
    ...(state === undefined ? [kept.state] : []),
    ...(admin === undefined ? [kept.admin] : []),
    ...(percent === undefined ? [percentText(kept.percent)] : []),
  ].filter((word) => word !== undefined);
  const before = old.length === 0 ? '' : `, after ${old.join(' ')}`;
  const why = `the agent says ${said.join(' ') || 'nothing against it'}${before}${reason === undefined ? '' : `: ${reason}`}`;
  return { up: kept.state === undefined && kept.admin === undefined && kept.percent !== 0, reason: why };
}

const percentText = (percent: number | undefined): string | undefined =>
  percent === undefined ? undefined : `${percent}%`;

/**
 * How much of its weight a server asks for of whose agent this holds, in percent; undefined if it is to have no traffic at all. To drain is
 * to ask for nothing. Who has never told a percentage asks for the whole weight.
 */
export function figureOf({ percent = 100, state, admin }: AgentKept): number | undefined {
  if (state !== undefined || admin === 'maint') return undefined;
  return admin === 'drain' ? 0 : percent;
}

/** Notify commands: programs that are run when something happens. What they are told; how they are run is elsewhere. */

/** The events that commands can be run on. */
export const NOTIFY_EVENTS = [
  'server_up',
  'server_down',
  'server_held',
  'quorum_up',
  'quorum_down',
  'panic_on',
  'panic_off',
  'feedback_weight',
  'feedback_stale',
  'feedback_heard',
  'drain_empty',
  'drain_deadline',
] as const;
export type NotifyEvent = (typeof NOTIFY_EVENTS)[number];

/** The most commands of a configuration; each runs once at a time. */
export const MAX_NOTIFY = 8;

/** One command. */
export interface NotifyCommand {
  /** The program's absolute path, and its first arguments. */
  readonly command: readonly string[];
  readonly events: readonly NotifyEvent[];
  /** It is killed after so long, in milliseconds, 100 ms – 10 minutes. */
  readonly timeout: number;
}

/** What happened, as the log has it. */
export interface Happened {
  readonly event: string;
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The longest value that is passed on, in characters. */
const LONGEST = 1_024;

/** Text on one line, so that nothing of what a server has said ends a line or a string where it is read. */
const plain = (value: unknown): string =>
  (typeof value === 'object' ? JSON.stringify(value) : String(value))
    .replace(/\p{Cc}/gu, ' ')
    .slice(0, LONGEST);

/** The arguments after the configured ones: event, service, and server where it is about one. */
export const notifyArguments = ({ event, fields: { service, server } }: Happened): readonly string[] =>
  [event, service, server].filter((one) => one !== undefined).map(plain);

/** Its own part of the environment: WEIR_EVENT, WEIR_TIME, and a WEIR_ variable for each of the event's fields; nothing of the daemon's own. */
export function notifyEnvironment({ event, time, fields }: Happened): Readonly<Record<string, string>> {
  const own = Object.entries(fields)
    .filter(([name, value]) => /^[a-z][a-z0-9_]*$/.test(name) && value !== undefined && value !== null)
    .map(([name, value]) => [`WEIR_${name.toUpperCase()}`, plain(value)]);
  return { ...Object.fromEntries(own), WEIR_EVENT: event, WEIR_TIME: time };
}

/**
 * The log: one line per event on standard output, for journald or whatever reads there.
 *
 * A line is a JSON object with `level` (a name), `time` (ISO 8601, UTC) and `event` (snake_case, stable, what to search
 * for), then the event's own fields; an `error` is written with its type, message and stack. Process and host are left
 * to journald, which knows them better. On a terminal the same line is written for eyes.
 */
import { writeSync } from 'node:fs';
import pino from 'pino';

/** Levels by name, the quietest last; `silent` writes nothing. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What an event is about. Keys are snake_case, the same as in the configuration and the API. */
export type LogFields = Readonly<Record<string, unknown>>;

type Write = (event: string, fields?: LogFields) => void;

/** Writes events; one method per level. */
export interface Log extends Readonly<Record<Exclude<LogLevel, 'silent'>, Write>> {
  /** A log whose every line has these fields too. */
  with(fields: LogFields): Log;
}

/** Whatever takes lines, each with its newline. */
export interface LogDestination {
  write(line: string): unknown;
}

export interface LogOptions {
  readonly level: LogLevel;
  /** Standard output unless given. */
  readonly destination?: LogDestination;
  /** Lines for eyes instead of JSON; by default when writing to standard output and that is a terminal. */
  readonly human?: boolean;
}

const quote = (value: unknown): string => {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return /^[^\s"\p{Cc}]+$/u.test(text) ? text : JSON.stringify(text);
};

/** One JSON line as a person reads it: `14:05:09.120 info  service_published  service="tcp 203.0.113.100:80"`. */
function humanLine(json: string): string {
  const { level, time, event, error, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const clock = String(time).slice(11, 23);
  const pairs = Object.entries(fields).map(([name, value]) => `${name}=${quote(value)}`);
  const failure = error as { message?: string; stack?: string } | undefined;
  if (failure !== undefined) pairs.push(`error=${quote(failure.message ?? failure)}`);
  const line = [`${clock} ${String(level).padEnd(5)} ${event}`, ...pairs].join('  ');
  const frames = failure?.stack?.split('\n').slice(1) ?? [];
  return `${[line, ...frames].join('\n')}\n`;
}

function wrap(logger: pino.Logger): Log {
  const at =
    (level: Exclude<LogLevel, 'silent'>): Write =>
    (event, fields) =>
      logger[level]({ event, ...fields });
  return {
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
    with: (fields) => wrap(logger.child(fields)),
  };
}

/**
 * Standard output. Node makes pipes and sockets there non-blocking, and pino's own destination then sleeps for 100 ms each time
 * the reader falls behind: seconds, for a start with ten thousand services. Once nobody reads any more, lines are lost.
 */
function standardOutput(): LogDestination {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  let broken = false;
  return {
    write(line) {
      let rest: Uint8Array = Buffer.from(line);
      while (rest.length > 0 && !broken) {
        try {
          rest = rest.subarray(writeSync(1, rest));
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException;
          if (code === 'EPIPE') broken = true;
          else if (code === 'EAGAIN') Atomics.wait(cell, 0, 0, 1);
          else throw error;
        }
      }
    },
  };
}

/** Opens a log. Lines are written at once, so that none is lost when the process ends; it needs no closing. */
export function openLog({ level, destination, human }: LogOptions): Log {
  const sink = destination ?? standardOutput();
  const forEyes = human ?? (destination === undefined && process.stdout.isTTY === true);
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.err },
    },
    forEyes ? { write: (line: string) => sink.write(humanLine(line)) } : (sink as pino.DestinationStream),
  );
  return wrap(logger);
}

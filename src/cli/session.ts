/** What every verb works with: where to write, what was asked of all verbs, whom to ask. */

import type { createColors } from 'picocolors';
import pc from 'picocolors';
import { stringify } from 'yaml';
import type { ControlClient } from '../api/client.ts';
import { controlClient } from '../api/client.ts';
import { socketPathIn } from '../api/socket-path.ts';
import { type Column, formatRow, layOut, type Row, titleRow } from './table.ts';
import { clean, cleanLines } from './text.ts';

/** The outside of one call: its streams and environment. */
export interface Io {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether standard output is a terminal. */
  readonly isTTY: boolean;
  /** The terminal's width in characters. */
  readonly columns?: number | undefined;
}

export const FORMATS = ['table', 'wide', 'json', 'yaml'] as const;
export type Format = (typeof FORMATS)[number];
export const COLOR_MODES = ['auto', 'always', 'never'] as const;

/** Options that every verb takes, by commander's names. */
export interface GlobalOptions {
  readonly config: string;
  readonly runDir: string;
  readonly stateDir: string;
  readonly pinDir: string;
  readonly output: Format;
  /** False for --no-headers. */
  readonly headers: boolean;
  readonly color: (typeof COLOR_MODES)[number];
}

/** One call of one verb. */
export interface Session {
  readonly io: Io;
  readonly options: GlobalOptions;
  /** True when -c was written on the command line. */
  readonly configGiven: boolean;
  readonly style: ReturnType<typeof createColors>;
  readonly client: ControlClient;
  /** The terminal's width; undefined when nobody looks and lines may be as long as they like. */
  readonly width: number | undefined;
}

/** Opens a session; nothing is connected yet. */
export function openSession(io: Io, options: GlobalOptions, configGiven: boolean): Session {
  const auto = io.isTTY && !io.env['NO_COLOR'] && io.env['TERM'] !== 'dumb';
  const colored = options.color === 'always' || (options.color === 'auto' && auto);
  return {
    io,
    options,
    configGiven,
    style: pc.createColors(colored),
    client: controlClient(socketPathIn(options.runDir)),
    width: io.isTTY ? (io.columns ?? 80) : undefined,
  };
}

/** Writes and waits until it is taken: a slow reader slows the writer down. Rejects with EPIPE when the reader is gone. */
export function write(stream: NodeJS.WritableStream, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error?: Error | null) => (error ? reject(error) : resolve()));
  });
}

/** Data, to standard output, as it stands. */
export const print = ({ io }: Session, text: string): Promise<void> => write(io.stdout, text);

/** Talk, to standard error, one cleaned line. */
export const say = ({ io }: Session, line: string): Promise<void> =>
  write(io.stderr, `${cleanLines(line)}\n`);

/** Each UTF-16 unit as `\uXXXX`. */
const escapeUnits = (text: string) =>
  text
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');

/** JSON with every character escaped that a terminal would obey; the value it stands for is unchanged. */
export function toJson(value: unknown, indent = 2): string {
  return JSON.stringify(value, null, indent).replaceAll(/[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/gu, escapeUnits);
}

/** YAML without characters that a terminal would obey. */
export const toYaml = (value: unknown): string => cleanLines(stringify(value));

/** Prints `value` for programs, or calls `forPeople` for the formats table and wide. */
export async function output(session: Session, value: unknown, forPeople: () => string): Promise<void> {
  const { output: format } = session.options;
  if (format === 'json') return print(session, `${toJson(value)}\n`);
  if (format === 'yaml') return print(session, toYaml(value));
  return print(session, forPeople());
}

/** A whole table as text, titles included unless they are not wanted. */
export function table(session: Session, columns: readonly Column[], rows: readonly Row[]): string {
  const layout = layOut(columns, rows, { limit: session.width });
  const titles = session.options.headers ? [titleRow(columns, session.style.bold)] : [];
  return [...titles, ...rows].map((row) => `${formatRow(layout, row)}\n`).join('');
}

/** The lines of a plan, cleaned and coloured by their signs. */
export function planText({ style }: Session, lines: readonly string[]): string {
  const paints: Readonly<Record<string, (text: string) => string>> = {
    '+': style.green,
    '-': style.red,
    '~': style.yellow,
  };
  return lines.map((line) => `${(paints[line.slice(0, 1)] ?? String)(clean(line))}\n`).join('');
}

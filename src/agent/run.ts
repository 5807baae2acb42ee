/** `weir agent`: answers until a signal ends it. */

import { type Endpoint, formatEndpoint, formatPrefix, type Prefix } from '../core/address/address.ts';
import { answerLine, READY, type Wanted } from '../core/agent/answer.ts';
import { leastReading } from '../core/agent/readings.ts';
import { type Log, type LogLevel, openLog } from '../observe/log.ts';
import { type MeasureOptions, measure } from './measure.ts';
import { serveAgent } from './serve.ts';
import { readWanted } from './state-file.ts';

/** What `weir agent` was told. */
export interface AgentOptions extends MeasureOptions {
  readonly listen: Endpoint;
  readonly allow: readonly Prefix[];
  readonly stateFile: string;
  /** In percent, from 0: measures never ask for less. */
  readonly floor: number;
  readonly logLevel: LogLevel;
}

/** What was measured counts for so long, in milliseconds: many directors, or services, ask no more of the server than one. */
const FRESH_MS = 1_000;
/** Between two lines of the log about strangers, in milliseconds. */
const STRANGERS_MS = 60_000;

/** Runs until SIGTERM or SIGINT; resolves with the exit code. Rejects with the system's error when it cannot listen. */
export async function runAgent(options: AgentOptions): Promise<number> {
  const log = openLog({ level: options.logLevel });
  let lastStranger = Number.NEGATIVE_INFINITY;
  const server = await serveAgent({
    listen: options.listen,
    allow: options.allow,
    answer: agentAnswers(options, log),
    refused: (address) => {
      const now = performance.now();
      if (now - lastStranger < STRANGERS_MS) return;
      lastStranger = now;
      log.warn('agent_refused', { address, allow: options.allow.map(formatPrefix) });
    },
  });
  const { sources, floor } = options;
  log.info('agent_listening', { address: formatEndpoint(server.at), by: sources, floor: `${floor}%` });
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  await server.close();
  log.info('agent_ended');
  return 0;
}

/**
 * Makes answers. What cannot be measured is told in the log when it begins and when it ends, and does not count; when nothing that is asked
 * for can be, there is no answer, so that the director goes by the configured weight and says so.
 */
export function agentAnswers(options: AgentOptions, log: Log): () => Promise<string | undefined> {
  const troubles = new Map<string, string>();
  const note = (what: string, trouble: string | undefined): void => {
    const before = troubles.get(what);
    if (trouble === before) return;
    if (trouble === undefined) {
      troubles.delete(what);
      log.info('agent_trouble_over', { what });
    } else {
      troubles.set(what, trouble);
      log.warn('agent_trouble', { what, reason: trouble });
    }
  };
  let wanted: Wanted = READY;
  let latest: { readonly at: number; readonly line: Promise<string | undefined> } | undefined;
  const make = async (): Promise<string | undefined> => {
    try {
      wanted = readWanted(options.stateFile);
      note('state', undefined);
    } catch (error) {
      // Somebody wanted something: what it was before holds until it can be read.
      note('state', (error as Error).message);
    }
    const measured = await measure(options);
    for (const one of measured) note(one.source, 'trouble' in one ? one.trouble : undefined);
    const readings = measured.flatMap((one) => ('reading' in one ? one.reading : []));
    if (readings.length === 0 && wanted.state === 'ready') return undefined;
    return answerLine(wanted, leastReading(readings, options.floor));
  };
  return () => {
    const now = performance.now();
    if (latest === undefined || now - latest.at >= FRESH_MS) latest = { at: now, line: make() };
    return latest.line;
  };
}

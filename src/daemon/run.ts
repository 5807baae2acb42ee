/** `weir run`: puts the director together, starts it, and ends it on a signal; the data plane goes on without it. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Control } from '../api/control.ts';
import { serveControl } from '../api/server.ts';
import { socketPathIn } from '../api/socket-path.ts';
import { VERSION } from '../api/version.ts';
import type { Config } from '../core/model/config.ts';
import { type BpfPlane, openBpfPlane } from '../dataplane/bpf/plane.ts';
import { openHost } from '../host/open.ts';
import { type Log, type LogLevel, openLog } from '../observe/log.ts';
import { Director, readConfig } from './director.ts';
import { EventQueue } from './queue.ts';
import { startUpkeep } from './upkeep.ts';

/** What `weir run` was told. */
export interface RunOptions {
  readonly config: string;
  readonly runDir: string;
  readonly stateDir: string;
  readonly pinDir: string;
  readonly logLevel: LogLevel;
}

/** Between two looks at the whole of what is, in milliseconds. */
const LOOK_PAUSE_MS = 5_000;
/** Exit codes: done, failed, refused by validation. */
const DONE = 0;
const FAILED = 1;
const REFUSED = 5;

/** Runs until a signal or `weir down` ends it; resolves with the exit code. Rejects with AlreadyRunning. */
export async function run(options: RunOptions): Promise<number> {
  const file = resolve(options.config);
  const log = openLog({ level: options.logLevel });
  const read = await readConfig(file);
  if (!read.ok) {
    for (const problem of read.problems) process.stderr.write(`${problem}\n`);
    process.stderr.write('weir: nothing was changed; mend the file and start again\n');
    return REFUSED;
  }
  const queue = new EventQueue();
  const part: Parts = {};
  const server = await serveControl(
    control(file, queue, part),
    socketPathIn(options.runDir),
    (request, error) => log.warn('request_failed', { request, error }),
  );
  // From here on, not only when all is up: a HUP that comes while the director starts must not end it.
  const stopSignals = onSignals(queue, part, log);
  try {
    return await direct(options, file, read.config, queue, part, log);
  } catch (error) {
    log.fatal('start_failed', { error });
    process.stderr.write(`weir: ${(error as Error).message}\n`);
    return FAILED;
  } finally {
    stopSignals();
    queue.close();
    // Answers under way still read the tables, so these close last.
    await server.close();
    part.plane?.close();
  }
}

/** The parts as they come to be; absent while the director is starting. */
interface Parts {
  director?: Director;
  plane?: BpfPlane;
}

/** Opens the two edges, converges once, and reads events until the end. */
async function direct(
  options: RunOptions,
  file: string,
  config: Config,
  queue: EventQueue,
  part: Parts,
  log: Log,
): Promise<number> {
  const plane = openBpfPlane({ objectFile: objectFile(), pinDir: options.pinDir, limits: config.limits });
  part.plane = plane;
  const host = openHost({ stateDir: options.stateDir });
  log.info('plane_opened', { plane: plane.description });
  const director = new Director({ plane, host }, file, config, log);
  part.director = director;
  const plan = await director.converge();
  log.info('ready', { version: VERSION, config_file: file, steps: plan.length });
  const stopUpkeep = startUpkeep(plane, log);
  const looks = setInterval(() => queue.push({ kind: 'look' }), LOOK_PAUSE_MS);
  try {
    const end = await director.run(queue);
    log.info('ended', { traffic: end === 'stop' ? 'goes on' : 'ended' });
    return DONE;
  } finally {
    clearInterval(looks);
    stopUpkeep();
    host.close();
  }
}

/**
 * HUP reloads; TERM and INT end the daemon and leave the traffic; USR1 writes the whole state to the log. USR2, by
 * convention "reopen your files", finds none: the log goes to standard output. Unhandled, it would end the process, and
 * USR1 would open Node's debugger.
 */
function onSignals(queue: EventQueue, part: Parts, log: Log): () => void {
  const handlers: Partial<Record<NodeJS.Signals, () => void>> = {
    // The outcome is in the log, whatever it is.
    SIGHUP: () => void queue.ask<unknown>((answer) => ({ kind: 'reload', answer })).catch(() => {}),
    SIGTERM: () => queue.push({ kind: 'stop' }),
    SIGINT: () => queue.push({ kind: 'stop' }),
    SIGUSR1: () => log.info('state', stateOf(part)),
    SIGUSR2: () => log.debug('no_files_to_reopen'),
  };
  const all = Object.entries(handlers) as [NodeJS.Signals, () => void][];
  for (const [signal, handler] of all) process.on(signal, handler);
  return () => {
    for (const [signal, handler] of all) process.off(signal, handler);
  };
}

/** Everything that the CLI shows of a director, in one value. */
const stateOf = ({ plane }: Parts) => ({
  plane: plane?.description ?? 'starting',
  services: plane?.counters(),
  verdicts: plane?.verdicts(),
});

/** What the control socket offers; until the first convergence it can only say that the director is starting. */
function control(file: string, queue: EventQueue, part: Parts): Control {
  const startedAt = new Date().toISOString();
  const plane = (): BpfPlane => {
    if (part.plane === undefined) throw new Error('the director is starting; ask again in a moment');
    return part.plane;
  };
  return {
    status: () => ({
      version: VERSION,
      pid: process.pid,
      started_at: startedAt,
      config_file: file,
      plane: part.plane?.description ?? 'starting',
      last_reload: part.director?.lastReload ?? { ok: true, at: startedAt, message: 'starting' },
    }),
    services: async () => plane().counters(),
    connections: (filter) => plane().connections(filter),
    verdicts: () => plane().verdicts(),
    diff: (config) => queue.ask((answer) => ({ kind: 'diff', config, answer })),
    reload: () => queue.ask((answer) => ({ kind: 'reload', answer })),
    down: () => queue.ask((answer) => ({ kind: 'down', answer })),
  };
}

/** The compiled packet path: beside the bundle, or in dist/ when run from source. */
function objectFile(): string {
  const places = ['./director.bpf.o', '../../dist/director.bpf.o'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  const found = places.find(existsSync);
  if (found === undefined)
    throw new Error(`director.bpf.o is not built (looked at ${places.join(', ')}); run make build`);
  return found;
}

/** `weir run`: puts the director together, starts it, and ends it on a signal; the data plane goes on without it. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ReportFailure } from '../api/app.ts';
import type { Refused } from '../api/control.ts';
import { type RemoteOptions, serveRemote } from '../api/remote.ts';
import { type ControlServer, serveControl } from '../api/server.ts';
import { socketPathIn } from '../api/socket-path.ts';
import { VERSION } from '../api/version.ts';
import type { PlaneKind } from '../core/model/host.ts';
import { openHost } from '../host/open.ts';
import { openRawPackets } from '../kernel/raw-packets.ts';
import { type Log, type LogLevel, openLog } from '../observe/log.ts';
import { control, type Parts } from './control.ts';
import { chosenPlane } from './dataplane-file.ts';
import { Director } from './director.ts';
import { watchDrains } from './drains.ts';
import { EventRing, keepingLog } from './event-ring.ts';
import { Health } from './health.ts';
import { runLoop } from './loop.ts';
import { Migrator } from './migrate.ts';
import { Notifier, notifyingLog } from './notify.ts';
import { openPlanes } from './open-plane.ts';
import { overridesFile } from './overrides-file.ts';
import { Prompts } from './prompts.ts';
import { EventQueue } from './queue.ts';
import { checkConfig, type ReadConfig, readConfig } from './read-config.ts';
import { Rules } from './rules.ts';
import { openSupervisor, type Supervisor } from './supervisor.ts';
import { startUpkeep } from './upkeep.ts';

/** What `weir run` was told. */
export interface RunOptions {
  readonly config: string;
  readonly runDir: string;
  readonly stateDir: string;
  readonly pinDir: string;
  readonly logLevel: LogLevel;
  /** Where to serve the API over TCP, too. */
  readonly remote?: RemoteOptions;
}

/** Exit codes: done, failed, refused by validation. */
const DONE = 0;
const FAILED = 1;
const REFUSED = 5;

/** Between two looks at what a plane that was succeeded has left, in milliseconds. */
const FOLLOW_PAUSE_MS = 1_000;

/** Runs until a signal or `weir down` ends it; resolves with the exit code. Rejects with AlreadyRunning. */
export async function run(options: RunOptions): Promise<number> {
  const file = resolve(options.config);
  const ring = new EventRing(Date.now().toString(36));
  const kept = keepingLog(openLog({ level: options.logLevel }), ring);
  const notifier = new Notifier(kept);
  const log = notifyingLog(kept, notifier);
  const begin = performance.now();
  const { read, goodFor } = await readAtStart(file, chosenPlane(options.stateDir));
  const readMs = Math.round(performance.now() - begin);
  if (!read.ok) return refuse(read.problems);
  const queue = new EventQueue();
  const part: Parts = {};
  const supervisor = openSupervisor(process.env, log);
  supervisor.status('starting');
  const offered = control(read, { queue, part, ring });
  const report: ReportFailure = (request, error) => log.warn('request_failed', { request, error });
  const servers: ControlServer[] = [await serveControl(offered, socketPathIn(options.runDir), report)];
  // From here on, not only when all is up: a HUP that comes while the director starts must not end it.
  const stopSignals = onSignals(queue, part, log);
  try {
    if (options.remote !== undefined) {
      const remote = await serveRemote(offered, options.remote, report);
      servers.push(remote);
      log.info('listening', { address: remote.address });
    }
    return await direct(options, read, { queue, part, log, notifier, supervisor, readMs, goodFor });
  } catch (error) {
    log.fatal('start_failed', { error });
    process.stderr.write(`weir: ${(error as Error).message}\n`);
    return FAILED;
  } finally {
    stopSignals();
    supervisor.close();
    notifier.close();
    queue.close();
    ring.close();
    // Answers under way still read the tables, so these close last.
    await Promise.all(servers.map((server) => server.close()));
    await part.health?.close();
    part.plane?.close();
  }
}

/** What `auto` mostly comes to. */
const LIKELY: PlaneKind = 'bpf';

/**
 * Reads the file before anybody can say which plane it is for. It is judged for the likely one: where that is the one in the end
 * (`goodFor`), a large file need not be read again. What only another plane can do is no mistake yet.
 */
async function readAtStart(
  file: string,
  chosen: PlaneKind | undefined,
): Promise<{ readonly read: ReadConfig | Refused; readonly goodFor?: PlaneKind }> {
  const read = await readConfig(file, LIKELY, chosen);
  if (!read.ok) return { read: await readConfig(file, undefined, chosen) };
  const { dataplane } = read.config;
  return { read, goodFor: chosen ?? (dataplane === 'auto' ? LIKELY : dataplane) };
}

/** Says what is wrong with the file; returns the exit code. */
function refuse(problems: readonly string[]): number {
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  process.stderr.write('weir: nothing was changed; mend the file and start again\n');
  return REFUSED;
}

/** What outlives the director's own start. */
interface Surroundings {
  readonly queue: EventQueue;
  readonly part: Parts;
  readonly log: Log;
  readonly notifier: Notifier;
  readonly supervisor: Supervisor;
  /** How long reading the configuration took, in milliseconds. */
  readonly readMs: number;
  /** The plane that the configuration was judged for; absent where that is still to be done. */
  readonly goodFor: PlaneKind | undefined;
}

/** Opens the two edges, converges once, and reads events until the end. */
async function direct(
  options: RunOptions,
  read: ReadConfig,
  { queue, part, log, notifier, supervisor, readMs, goodFor }: Surroundings,
): Promise<number> {
  const behind = (error: Error): void => log.warn('elder_plane_behind', { error });
  const { planes: plane, given_up } = openPlanes({ ...options, objectFile, config: read.config }, behind);
  part.plane = plane;
  if (given_up !== undefined) log.warn('migration_given_up', { reason: given_up });
  log.info('plane_opened', { plane: plane.description });
  // Nobody could say what `auto` stands for until it was tried.
  const able = plane.kind === goodFor ? read : checkConfig(read, plane.kind, plane.chosen?.plane);
  if (!able.ok) return refuse(able.problems);
  const host = openHost({ stateDir: options.stateDir });
  const kept = overridesFile(options.stateDir);
  const health = new Health({
    log,
    changed: () => queue.push({ kind: 'verdicts' }),
    adopted: ({ notify }) => notifier.adopt(notify),
    overrides: kept,
  });
  part.health = health;
  const prompts = new Prompts({ plane, open: openRawPackets, rate: read.config.limits.answer_rate, log });
  const edge = { plane, host, prompt: prompts.prompt.bind(prompts) };
  const rules = new Rules({ file: kept.rules, log });
  const director = new Director({
    edge,
    read,
    health,
    rules,
    log,
    chosen: () => plane.chosen,
    configured: (dataplane) => plane.configured(dataplane),
  });
  part.director = director;
  const plan = await director.converge();
  // Not before: until all is as configured here, the plane before this one serves new clients, too.
  for (const layout of plane.succeed()) log.info('plane_succeeded', { layout });
  await plane.resume();
  director.keepModules();
  const migrator = new Migrator({ planes: plane, director, host, health, rules, log });
  const times = { read_ms: readMs, ...director.took };
  log.info('ready', { version: VERSION, config_file: read.file, steps: plan.length, ...times });
  part.started = true;
  const drains = watchDrains({
    overrides: () => health.overrides,
    counters: (of) => plane.counters(of),
    log,
    over: () => queue.push({ kind: 'deadlines' }),
  });
  supervisor.ready(director.summary);
  const stopUpkeep = startUpkeep(plane, log, () => director.retireAfterMs);
  const stopLooking = every(
    () => director.lookEveryMs,
    () => queue.push({ kind: 'look' }),
  );
  const stopFollowing = every(
    () => FOLLOW_PAUSE_MS,
    () => plane.migration && queue.push({ kind: 'migration' }),
  );
  const { pulseMs } = supervisor;
  const pulse = pulseMs && setInterval(() => queue.push({ kind: 'pulse' }), pulseMs);
  try {
    const end = await runLoop(queue, { director, migrator, supervisor });
    supervisor.stopping(end === 'stop' ? 'the traffic goes on' : 'taken down');
    log.info('ended', { traffic: end === 'stop' ? 'goes on' : 'ended' });
    return DONE;
  } finally {
    stopLooking();
    stopFollowing();
    clearInterval(pulse);
    drains.close();
    stopUpkeep();
    await prompts.close();
    host.close();
  }
}

/** Calls back again and again, each time after a pause that is asked for anew; the function returned ends that. */
function every(pauseMs: () => number, act: () => void): () => void {
  let timer: NodeJS.Timeout;
  const wait = (): void => {
    timer = setTimeout(() => {
      act();
      wait();
    }, pauseMs());
  };
  wait();
  return () => clearTimeout(timer);
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

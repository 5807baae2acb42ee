/** What a client of the lab can be asked to do; each call runs a program of its own inside the client's namespace. */
import type {
  ClientCommand,
  ClientEvent,
  ClientVerbs,
  DownloadOptions,
  DownloadResult,
  FramesOptions,
  FramesResult,
  HoldOptions,
  PokeResult,
  Progress,
  RequestsOptions,
  RequestsResult,
  SynFloodOptions,
  SynFloodResult,
  UdpOptions,
  UdpResult,
} from './client/wire.ts';
import { LabError } from './command.ts';
import type { Lab } from './lab.ts';
import type { LabProcess } from './process.ts';
import { programArgv } from './programs.ts';
import type { LabHost } from './topology.ts';

/** Something a client is doing. */
export interface Running<Result> {
  /** How far it is: requests completed, bytes, connections open or packets sent. */
  progress(): Progress;
  /** Resolves when the count is reached; a LabError when the program ends before, or after 15 s without. */
  reached(count: number, timeout?: number): Promise<void>;
  /** Resolves when it ends by itself; rejects with a LabError when the program fails. */
  readonly result: Promise<Result>;
  /** Ends it and gives the result so far. */
  stop(): Promise<Result>;
}

/** Open connections. */
export interface HeldConnections {
  /** How many were opened, and how many could not be. */
  readonly opened: number;
  readonly failed: number;
  /** Sends a line through each and waits for its echo. */
  poke(): Promise<PokeResult>;
  /** Pokes a last time and closes them. */
  close(): Promise<PokeResult>;
}

/** A client of the lab. */
export interface LabClient {
  /** Sends `count` requests and waits for all. */
  requests(options: RequestsOptions & { readonly count: number }): Promise<RequestsResult>;
  /** Sends requests while something else happens. */
  startRequests(options: RequestsOptions): Promise<Running<RequestsResult>>;
  download(options: DownloadOptions): Promise<DownloadResult>;
  startDownload(options: DownloadOptions): Promise<Running<DownloadResult>>;
  /** Opens TCP connections to an echo service and holds them. */
  hold(options: HoldOptions): Promise<HeldConnections>;
  udp(options: UdpOptions): Promise<UdpResult>;
  startSynFlood(options: SynFloodOptions): Promise<Running<SynFloodResult>>;
  /** Sends frames that no socket would. */
  frames(options: FramesOptions): Promise<FramesResult>;
}

interface Program<Result> extends Running<Result> {
  readonly process: LabProcess;
  command(command: ClientCommand): void;
}

function eventOf(line: string): ClientEvent | undefined {
  return line.startsWith('{"event":') ? (JSON.parse(line) as ClientEvent) : undefined;
}

async function startVerb<V extends keyof ClientVerbs>(
  lab: Lab,
  host: LabHost,
  { cpu }: ClientPlace,
  verb: V,
  options: ClientVerbs[V]['options'],
): Promise<Program<ClientVerbs[V]['result']>> {
  type Result = ClientVerbs[V]['result'];
  const pinned = cpu === undefined ? [] : ['taskset', '--cpu-list', String(cpu)];
  const argv = [...pinned, ...programArgv('client'), verb, JSON.stringify(options)];
  const child = await lab.spawn(host, argv, { title: `client ${verb} on ${host.name}` });
  let progress: Progress = { count: 0, failed: 0 };
  let outcome: { readonly result: Result } | undefined;
  child.onLine((line) => {
    const event = eventOf(line);
    if (event?.event === 'progress') progress = event;
    if (event?.event === 'result') outcome = { result: event.result as Result };
  });
  const result = child.ended.then((end) => {
    if (outcome !== undefined) return outcome.result;
    throw new LabError(
      `${child.title} ended (${end.signal ?? `code ${end.code}`}) without a result:\n${child.output()}`,
    );
  });
  // Whoever waits for the result gets the error; nobody has to.
  result.catch(() => {});
  const command = (word: ClientCommand): void => child.send(word);
  return {
    process: child,
    command,
    progress: () => progress,
    result,
    async reached(count, timeout = 15_000) {
      const reachedNow = (line: string): boolean => {
        const event = eventOf(line);
        return event?.event === 'progress' && event.count >= count;
      };
      if (progress.count >= count) return;
      await child.waitForLine(reachedNow, timeout);
    },
    stop() {
      command('stop');
      return result;
    },
  };
}

async function holdConnections(program: Program<PokeResult>, options: HoldOptions): Promise<HeldConnections> {
  const most = 15_000 + (options.timeout ?? 5_000);
  await program.process.waitForLine((line) => eventOf(line)?.event === 'progress', most);
  const { count, failed } = program.progress();
  return {
    opened: count,
    failed,
    poke() {
      // Answers come in the order of the questions; one line already seen must not answer this one.
      const answer = new Promise<PokeResult>((resolve, reject) => {
        const forget = program.process.onLine((line) => {
          const event = eventOf(line);
          if (event?.event !== 'poked') return;
          forget();
          resolve(event.poke);
        });
        program.result.catch(reject);
      });
      program.command('poke');
      return answer;
    },
    close: () => program.stop(),
  };
}

/** Where a client runs. */
export interface ClientPlace {
  /** The one CPU it may use, from 0; by default it uses any. */
  readonly cpu?: number;
}

/** The client on one of the lab's hosts. */
export function labClient(lab: Lab, host: LabHost, place: ClientPlace = {}): LabClient {
  const start = <V extends keyof ClientVerbs>(verb: V, options: ClientVerbs[V]['options']) =>
    startVerb(lab, host, place, verb, options);
  const finish = async <V extends keyof ClientVerbs>(verb: V, options: ClientVerbs[V]['options']) =>
    (await start(verb, options)).result;
  return {
    requests: (options) => finish('requests', options),
    startRequests: (options) => start('requests', options),
    download: (options) => finish('download', options),
    startDownload: (options) => start('download', options),
    hold: async (options) => holdConnections(await start('hold', options), options),
    udp: (options) => finish('udp', options),
    startSynFlood: (options) => start('flood', options),
    frames: (options) => finish('frames', options),
  };
}

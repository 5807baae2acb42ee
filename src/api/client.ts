/** The other end of the control socket: what the command line uses to talk to a running director. */
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { ServerHistory } from '../core/health/history.ts';
import type { ServerStatus } from '../core/health/status.ts';
import type { Connection } from '../core/model/connection.ts';
import type { ServiceCounters, Verdicts } from '../core/model/counters.ts';
import type { AdminState } from '../core/model/override.ts';
import type { ServiceKey } from '../core/model/service.ts';
import type {
  AnyOverride,
  ApplyDone,
  ApplyHow,
  ConfigInForce,
  ConfigText,
  DiffDone,
  EventStreamItem,
  EventsFrom,
  MigrateDone,
  OverrideName,
  Readiness,
  Refused,
  ReloadDone,
  RulesDone,
  RulesRequest,
  Status,
  WrittenOverrides,
} from './control.ts';
import { type ConnectionQuery, formatConnectionQuery } from './filter.ts';
import { PROBLEM_JSON, type Problem } from './problem.ts';
import { checkSocketPath } from './socket-path.ts';
import { readEvents } from './sse.ts';
import { readNdjson } from './stream.ts';

/** Why no daemon could be asked. */
export type Unreachable = 'missing' | 'refused' | 'denied' | 'silent' | 'broken';

const ADVICE: { readonly [K in Unreachable]: string } = {
  missing: 'is weir running? Start it with `weir run`, or name its run directory with --run-dir',
  refused: 'the daemon that made this socket is gone; start it with `weir run`',
  denied: 'the socket is its owner’s only; try as root',
  silent: 'the daemon does not answer; its log may say why',
  broken: 'the daemon ended the answer early; its log may say why',
};

const REASONS: Readonly<Record<string, Unreachable>> = {
  ENOENT: 'missing',
  ENOTDIR: 'missing',
  ECONNREFUSED: 'refused',
  EACCES: 'denied',
  EPERM: 'denied',
};

/** No daemon answers on the socket, or it stopped answering. */
export class DaemonUnreachable extends Error {
  override readonly name = 'DaemonUnreachable';
  readonly reason: Unreachable;
  constructor(socketPath: string, reason: Unreachable, cause?: unknown) {
    super(`no answer on ${socketPath}: ${ADVICE[reason]}`, { cause });
    this.reason = reason;
  }
}

/** The daemon answered with an error; `problem` is its body. */
export class ControlProblem extends Error {
  override readonly name = 'ControlProblem';
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** A running director, asked over its socket. Every method rejects with DaemonUnreachable or ControlProblem. */
export interface ControlClient {
  status(): Promise<Status>;
  readiness(): Promise<Readiness>;
  services(): Promise<readonly ServiceCounters[]>;
  servers(): Promise<readonly ServerStatus[]>;
  verdicts(): Promise<Verdicts>;
  overrides(): Promise<readonly AnyOverride[]>;
  changeRules(request: RulesRequest): Promise<RulesDone>;
  dropOverrides(of: readonly OverrideName[] | 'all'): Promise<ReloadDone>;
  writeOverrides(how: { readonly dry_run: boolean }): Promise<WrittenOverrides | Refused>;
  history(): Promise<readonly ServerHistory[]>;
  /** `server` is an address or address:port. */
  setAdminState(
    server: string,
    state: AdminState,
    how: { readonly service?: ServiceKey; readonly reason?: string; readonly deadline?: string },
  ): Promise<readonly ServerStatus[]>;
  /** Chunks as they arrive; never more than one in memory. */
  connections(query: ConnectionQuery): AsyncIterable<readonly Connection[]>;
  diff(config?: ConfigText): Promise<DiffDone | Refused>;
  reload(): Promise<ReloadDone | Refused>;
  config(): Promise<ConfigInForce>;
  apply(config: ConfigText, how: ApplyHow): Promise<ApplyDone | Refused>;
  /** `deadline` as people write it: `1h`. */
  migrate(
    to: string,
    how: { readonly deadline?: string; readonly dry_run?: boolean },
  ): Promise<MigrateDone | Refused>;
  zero(service?: ServiceKey): Promise<readonly ServiceKey[]>;
  /** Events as they come, without end; stop by leaving the loop. */
  events(from: EventsFrom): AsyncIterable<EventStreamItem>;
  down(): Promise<readonly string[]>;
}

/** How long the daemon may be silent, in milliseconds, before it counts as unreachable. */
const SILENCE_MS = 60_000;

type Method = 'GET' | 'POST' | 'PUT';
type Headers = Readonly<Record<string, string>>;

/** Sends one request and gives the answer's head; the body is still to be read. */
function send(
  socketPath: string,
  method: Method,
  path: string,
  body?: unknown,
  more: Headers = {},
): Promise<IncomingMessage> {
  checkSocketPath(socketPath);
  return new Promise((resolve, reject) => {
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    const headers = { host: 'weir', ...type, ...more };
    const outgoing = request({ socketPath, method, path, headers, agent: false, timeout: SILENCE_MS });
    outgoing.on('response', resolve);
    outgoing.on('timeout', () => outgoing.destroy(new DaemonUnreachable(socketPath, 'silent')));
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      if (error instanceof DaemonUnreachable) reject(error);
      else reject(new DaemonUnreachable(socketPath, REASONS[error.code ?? ''] ?? 'broken', error));
    });
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** The pieces of a body as text; an answer that is cut off is an error of its own. */
async function* pieces(socketPath: string, response: IncomingMessage): AsyncIterable<string> {
  response.setEncoding('utf8');
  try {
    for await (const piece of response) yield piece as string;
  } catch (error) {
    throw error instanceof DaemonUnreachable ? error : new DaemonUnreachable(socketPath, 'broken', error);
  }
}

/** The answer to one request if it is a success; throws ControlProblem if it is not. */
async function ask(socketPath: string, method: Method, path: string, body?: unknown, headers?: Headers) {
  const response = await send(socketPath, method, path, body, headers);
  if (response.statusCode === 200) return response;
  const answer = await text(pieces(socketPath, response));
  if (response.headers['content-type'] === PROBLEM_JSON)
    throw new ControlProblem(JSON.parse(answer) as Problem);
  throw new DaemonUnreachable(socketPath, 'broken', new Error(`status ${response.statusCode}: ${answer}`));
}

/** A client of the socket at this path. It holds nothing open between calls. */
export function controlClient(socketPath: string): ControlClient {
  const fetch = async <T>(method: Method, path: string, body?: unknown, headers?: Headers): Promise<T> => {
    const response = await ask(socketPath, method, path, body, headers);
    return JSON.parse(await text(pieces(socketPath, response))) as T;
  };
  const unlessRefused = <T>(answer: Promise<T>): Promise<T | Refused> =>
    answer.catch((error: unknown) => {
      if (!(error instanceof ControlProblem) || error.problem.problems === undefined) throw error;
      return { ok: false, problems: error.problem.problems };
    });
  return {
    status: () => fetch('GET', '/v1/status'),
    readiness: () =>
      fetch<Readiness>('GET', '/readyz').catch((error: unknown) => {
        if (!(error instanceof ControlProblem) || error.problem.type !== 'urn:weir:not-ready') throw error;
        return { ready: false, detail: error.problem.detail };
      }),
    services: () => fetch('GET', '/v1/services'),
    servers: () => fetch('GET', '/v1/servers'),
    overrides: () => fetch('GET', '/v1/overrides'),
    changeRules: (request) => fetch('POST', '/v1/rules', request),
    dropOverrides: (of) => fetch('POST', '/v1/overrides/drop', { of }),
    writeOverrides: ({ dry_run }) =>
      unlessRefused(fetch<WrittenOverrides>('POST', `/v1/overrides/write${dry_run ? '?dry_run=1' : ''}`)),
    history: () => fetch('GET', '/v1/history'),
    setAdminState: (server, state, how) => {
      const query = new URLSearchParams(how).toString();
      const path = `/v1/servers/${encodeURIComponent(server)}/${state}`;
      return fetch('PUT', query === '' ? path : `${path}?${query}`);
    },
    verdicts: () => fetch('GET', '/v1/verdicts'),
    async *connections(query) {
      const response = await ask(socketPath, 'GET', `/v1/connections${formatConnectionQuery(query)}`);
      yield* readNdjson<Connection>(pieces(socketPath, response));
    },
    diff: (config) =>
      unlessRefused(
        config === undefined
          ? fetch<DiffDone>('GET', '/v1/diff')
          : fetch<DiffDone>('POST', '/v1/diff', config),
      ),
    reload: () => unlessRefused(fetch<ReloadDone>('POST', '/v1/reload')),
    config: () => fetch('GET', '/v1/config'),
    apply: (config, { persist, if_version }) =>
      unlessRefused(
        fetch<ApplyDone>(
          'PUT',
          `/v1/config${persist ? '?persist=1' : ''}`,
          config,
          if_version === undefined ? {} : { 'if-match': `"${if_version}"` },
        ),
      ),
    migrate: (to, { deadline, dry_run }) => {
      const query = new URLSearchParams({
        ...(deadline !== undefined && { deadline }),
        ...(dry_run === true && { dry_run: '1' }),
      }).toString();
      const path = `/v1/dataplane/${encodeURIComponent(to)}`;
      return unlessRefused(fetch<MigrateDone>('PUT', query === '' ? path : `${path}?${query}`));
    },
    zero: async (service) => {
      const query = service === undefined ? '' : `?service=${encodeURIComponent(service)}`;
      const path = `/v1/counters/zero${query}`;
      return (await fetch<{ services: readonly ServiceKey[] }>('POST', path)).services;
    },
    async *events({ after, past }) {
      const path = `/v1/events${past === true ? '?past=1' : ''}`;
      const headers = after === undefined ? {} : { 'last-event-id': after };
      const response = await ask(socketPath, 'GET', path, undefined, headers);
      yield* readEvents(pieces(socketPath, response));
    },
    down: async () => (await fetch<{ lines: readonly string[] }>('POST', '/v1/down')).lines,
  };
}

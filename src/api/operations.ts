/** Every route in words: what the API's document is made of. A test holds the list against the routes there are. */
import type { ProblemKind } from './problem.ts';
import type { SchemaName } from './schemas.ts';

/** One route. */
export interface Operation {
  readonly method: 'get' | 'post' | 'put';
  /** With parameters as OpenAPI writes them: `{protocol}`. */
  readonly path: string;
  readonly id: string;
  readonly summary: string;
  readonly answer: SchemaName;
  /** The answer's media type, where it is not JSON; then `answer` is the shape of one line or event. */
  readonly media?: 'application/x-ndjson' | 'text/event-stream';
  readonly body?: SchemaName;
  /** Query and header parameters, with what they mean; those of the path are required and need no more words. */
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Problems besides those that any route can answer with. */
  readonly problems?: readonly ProblemKind[];
}

const SERVICE = 'Only this service: tcp/203.0.113.100:80, or with IPv6 tcp/[2001:db8::1]:80.';
const SIDE = 'an address, or address:port.';

export const OPERATIONS: readonly Operation[] = [
  { method: 'get', path: '/healthz', id: 'health', summary: 'The daemon answers.', answer: 'Health' },
  {
    method: 'get',
    path: '/readyz',
    id: 'readiness',
    summary: 'All is as configured.',
    answer: 'Readiness',
    problems: ['not-ready'],
  },
  {
    method: 'get',
    path: '/v1/status',
    id: 'getStatus',
    summary: 'Who runs, since when, on what.',
    answer: 'Status',
  },
  {
    method: 'get',
    path: '/v1/services',
    id: 'listServices',
    summary: 'All services with their servers, load and traffic.',
    answer: 'ServiceList',
  },
  {
    method: 'get',
    path: '/v1/services/{protocol}/{endpoint}',
    id: 'getService',
    summary:
      'One service, such as /v1/services/tcp/203.0.113.100:80, or /v1/services/tcp/203.0.113.0%2F28:80,443.',
    answer: 'ServiceCounters',
    problems: ['not-found'],
  },
  {
    method: 'get',
    path: '/v1/servers',
    id: 'listServers',
    summary:
      'All real servers, each with its service, its health and the weight in effect; those included that are out because they are down.',
    answer: 'ServerList',
  },
  {
    method: 'put',
    path: '/v1/servers/{server}/{state}',
    id: 'setAdminState',
    summary:
      'Drains (drain), disables (down) or puts back (up) the servers of that name, an address or address:port, until it is said otherwise.',
    answer: 'ServerList',
    query: {
      service: SERVICE,
      reason: 'Why, in one line; it is shown with the server.',
      deadline: 'Only with drain: after so long, 1s to 30d, such as 5m, it is disabled (down).',
    },
    problems: ['bad-request', 'not-found', 'not-ready'],
  },
  {
    method: 'get',
    path: '/v1/history',
    id: 'listHistory',
    summary:
      'The last transitions of each server, 16 at most, since the daemon began; servers without any are absent.',
    answer: 'HistoryList',
  },
  {
    method: 'get',
    path: '/v1/overrides',
    id: 'listOverrides',
    summary: 'The servers that are drained or disabled, and what ipvsadm has changed.',
    answer: 'OverrideList',
  },
  {
    method: 'post',
    path: '/v1/rules',
    id: 'changeRules',
    summary:
      'Adds, edits and deletes services and servers, as one plan and as overrides of the configuration: what ipvsadm’s commands are made of.',
    answer: 'RulesDone',
    body: 'RulesRequest',
    problems: ['bad-request', 'too-large'],
  },
  {
    method: 'post',
    path: '/v1/overrides/drop',
    id: 'dropOverrides',
    summary: 'Forgets overrides: what they were about is again as configured.',
    answer: 'ReloadDone',
    body: 'DropRequest',
    problems: ['bad-request', 'too-large'],
  },
  {
    method: 'post',
    path: '/v1/overrides/write',
    id: 'writeOverrides',
    summary:
      'Writes what ipvsadm has changed into the daemon’s own file, whose comments stay. Refused where the file is not what is in force.',
    answer: 'WrittenOverrides',
    query: { dry_run: '1 shows what would be written.' },
    problems: ['bad-request', 'version-conflict', 'refused'],
  },
  {
    method: 'get',
    path: '/v1/verdicts',
    id: 'getVerdicts',
    summary: 'What became of all packets.',
    answer: 'Verdicts',
  },
  {
    method: 'get',
    path: '/v1/connections',
    id: 'listConnections',
    summary:
      'The connection table, a connection to a line, filtered where it is read and never held as a whole.',
    answer: 'Connection',
    media: 'application/x-ndjson',
    query: {
      service: SERVICE,
      client: `Only connections from this client: ${SIDE}`,
      server: `Only connections to this real server: ${SIDE}`,
      limit: 'At most so many, 1 or more.',
    },
    problems: ['bad-request'],
  },
  {
    method: 'get',
    path: '/v1/config',
    id: 'getConfig',
    summary: 'The configuration in force; its version is the ETag.',
    answer: 'ConfigInForce',
  },
  {
    method: 'put',
    path: '/v1/config',
    id: 'applyConfig',
    summary: 'Makes a configuration the one in force. One with a mistake is refused as a whole.',
    answer: 'ApplyDone',
    body: 'ConfigText',
    query: {
      persist:
        '1 writes the text to the daemon’s own file first; with 0, the default, a reload or a new start goes back to the file.',
    },
    headers: { 'If-Match': 'The version, in quotes, that has to be in force; * or none for any.' },
    problems: ['bad-request', 'version-conflict', 'too-large', 'refused'],
  },
  {
    method: 'get',
    path: '/v1/diff',
    id: 'diffFile',
    summary: 'What a reload would change.',
    answer: 'DiffDone',
    problems: ['refused'],
  },
  {
    method: 'post',
    path: '/v1/diff',
    id: 'diffText',
    summary: 'What this configuration would change.',
    answer: 'DiffDone',
    body: 'ConfigText',
    problems: ['bad-request', 'too-large', 'refused'],
  },
  {
    method: 'post',
    path: '/v1/reload',
    id: 'reload',
    summary: 'Reads the daemon’s file again and carries it out.',
    answer: 'ReloadDone',
    problems: ['refused'],
  },
  {
    method: 'put',
    path: '/v1/dataplane/{to}',
    id: 'migrate',
    summary:
      'Has the other data plane take new connections, while the one that directed finishes those it has; asked for the former one meanwhile, goes back. The planes are bpf and ipvs.',
    answer: 'MigrateDone',
    query: {
      deadline:
        'After so long at most, 1s to 30d, the old plane is removed; by default as long as director.retire_after.',
      dry_run: '1 says what would happen, and changes nothing.',
    },
    problems: ['bad-request', 'plane-conflict', 'refused', 'not-ready'],
  },
  {
    method: 'post',
    path: '/v1/counters/zero',
    id: 'zeroCounters',
    summary:
      'Counts traffic from now on. The kernel’s own counters go on; present connections are as they are.',
    answer: 'Zeroed',
    query: { service: SERVICE },
    problems: ['bad-request', 'not-found'],
  },
  {
    method: 'get',
    path: '/v1/events',
    id: 'followEvents',
    summary: 'What happens, as server-sent events; `event: reset` says that some are missing.',
    answer: 'Event',
    media: 'text/event-stream',
    query: {
      after: 'Go on after the event with this id, where the header cannot be set.',
      past: '1 begins with the events that are kept.',
    },
    headers: { 'Last-Event-ID': 'Go on after the event with this id.' },
    problems: ['bad-request', 'too-many'],
  },
  {
    method: 'post',
    path: '/v1/down',
    id: 'takeDown',
    summary: 'Removes the data plane, puts the host back and ends the daemon.',
    answer: 'Lines',
  },
  {
    method: 'get',
    path: '/v1/openapi.json',
    id: 'getDocument',
    summary: 'This document.',
    answer: 'Document',
  },
];

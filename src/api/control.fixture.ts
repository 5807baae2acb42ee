/**
 * A director in memory, for the tests of the API and of the command line: those show what is asked and printed,
 * without root. Nothing else may stand on it; the real director is tested on real packets.
 */
import { type Endpoint, formatEndpoint, parseEndpoint } from '../core/address/address.ts';
import type { ServerHistory } from '../core/health/history.ts';
import type { ServerStatus } from '../core/health/status.ts';
import type { Connection } from '../core/model/connection.ts';
import type { ServerCounters, ServiceCounters, Traffic } from '../core/model/counters.ts';
import type { ServiceKey } from '../core/model/service.ts';
import {
  type AnyOverride,
  type Control,
  type DirectorEvent,
  MigrationConflict,
  VersionConflict,
} from './control.ts';

const endpoint = (text: string): Endpoint => {
  const parsed = parseEndpoint(text);
  if (parsed === undefined) throw new Error(`the fixture has no such endpoint: ${text}`);
  return parsed;
};

const traffic = (conns: number): Traffic => ({
  conns,
  inpkts: conns * 6,
  outpkts: conns * 5,
  inbytes: conns * 480,
  outbytes: conns * 4_711,
});

const server = (
  text: string,
  weight: number,
  active: number,
  inactive: number,
  conns: number,
): ServerCounters => ({
  ...endpoint(text),
  ...traffic(conns),
  weight,
  active,
  inactive,
  templates: 0,
  leaving: false,
});

/** Two services of three servers, one of them over IPv6 with addresses as long as they get, and one of UDP without traffic. */
export const SERVICES: readonly ServiceCounters[] = [
  {
    key: 'tcp 203.0.113.100:80' as ServiceKey,
    scheduler: 'wlc',
    leaving: false,
    ...traffic(184_203),
    servers: [
      server('192.168.1.101:8080', 3, 120, 44, 110_522),
      server('192.168.1.102:8080', 1, 39, 12, 36_840),
      server('192.168.1.103:8080', 0, 2, 0, 36_841),
    ],
  },
  {
    key: 'tcp [2001:db8:aaaa:bbbb:cccc:dddd:eeee:100]:443' as ServiceKey,
    scheduler: 'wrr',
    leaving: false,
    ...traffic(52_881_040),
    servers: [
      server('[fd00:1111:2222:3333:4444:5555:6666:101]:8443', 10, 10_400, 2_113, 26_440_520),
      server('[fd00:1111:2222:3333:4444:5555:6666:102]:8443', 10, 10_399, 2_090, 26_440_520),
      { ...server('[fd00:1111:2222:3333:4444:5555:6666:103]:8443', 0, 3, 1, 1_000), leaving: true },
    ],
  },
  {
    key: 'udp 203.0.113.100:53' as ServiceKey,
    scheduler: 'sh',
    scheduler_flags: ['sh-port'],
    leaving: false,
    ...traffic(0),
    servers: [server('192.168.1.101:53', 1, 0, 0, 0)],
  },
];

/** The servers of the first service as checked: the second has been found down and is out of it; the others are as they are in SERVICES. */
export const SERVERS: readonly ServerStatus[] = SERVICES.flatMap(({ key, servers }, i) =>
  servers.map((one, j): ServerStatus => {
    const configured_weight = one.leaving ? null : one.weight;
    const plain = { service: key, ...one, configured_weight, health: null, factors: [] };
    if (i > 0 || j > 1) return plain;
    const down = j === 1;
    const reason = down ? 'connection refused' : 'its check passes';
    return {
      ...plain,
      weight: down ? 0 : one.weight,
      health: {
        verdict: down ? 'down' : 'up',
        checked: true,
        reason,
        since: '2026-11-22T14:03:00.000Z',
        checks: [
          {
            check: `tcp ${formatEndpoint(one)}`,
            verdict: down ? 'down' : 'up',
            against: 0,
            needed: down ? 2 : 3,
            last: {
              outcome: down ? 'failed' : 'passed',
              reason: down ? reason : 'connected',
              at: '2026-11-22T14:05:30.000Z',
              took_ms: 0.8,
            },
            warning: null,
            feedback: null,
          },
        ],
      },
      factors: [{ name: 'health', value: down ? 0 : 1, reason }],
    };
  }),
);

const connection = (
  state: Connection['state'],
  expires_ms: number,
  ...ends: [string, string, string]
): Connection => {
  const [client, virtual, to] = ends.map(endpoint) as [Endpoint, Endpoint, Endpoint];
  return {
    protocol: state === 'UDP' ? 'udp' : 'tcp',
    state,
    client,
    virtual,
    server: to,
    client_port_at_server: client.port,
    expires_ms,
  };
};

/** Five connections, one of them over IPv6. */
export const CONNECTIONS: readonly Connection[] = [
  connection('ESTABLISHED', 899_400, '203.0.113.10:41872', '203.0.113.100:80', '192.168.1.101:8080'),
  connection('ESTABLISHED', 512_000, '203.0.113.11:50112', '203.0.113.100:80', '192.168.1.102:8080'),
  connection('FIN_WAIT', 61_999, '203.0.113.10:41870', '203.0.113.100:80', '192.168.1.103:8080'),
  connection(
    'SYN_RECV',
    59_000,
    '[2001:db8:1234:5678:9abc:def0:1234:5678]:54321',
    '[2001:db8:aaaa:bbbb:cccc:dddd:eeee:100]:443',
    '[fd00:1111:2222:3333:4444:5555:6666:101]:8443',
  ),
  connection('UDP', 0, '203.0.113.12:40000', '203.0.113.100:53', '192.168.1.101:53'),
];

/** The configuration that the director in memory says is in force. */
export const VERSION_IN_FORCE = '0123456789abcdef';

/** Two events, after which the stream ends. */
export const EVENTS: readonly DirectorEvent[] = [
  {
    id: 'life-1',
    time: '2026-11-22T14:05:00.000Z',
    level: 'info',
    event: 'reloaded',
    fields: { steps: 3 },
  },
  {
    id: 'life-2',
    time: '2026-11-22T14:06:00.000Z',
    level: 'warn',
    event: 'drift_repaired',
    fields: { subject: 'net.ipv4.ip_forward', found: '0', wanted: '1' },
  },
];

/** One server that is drained. */
export const OVERRIDES: readonly AnyOverride[] = [
  {
    kind: 'state',
    service: SERVICES[0]!.key,
    server: '192.168.1.101:8080',
    state: 'drain',
    since: '2026-11-22T14:02:00.000Z',
    reason: 'new disks',
  },
  {
    kind: 'server',
    service: SERVICES[0]!.key,
    server: '192.168.1.104:8080',
    change: 'added',
    rule: { weight: 2, upper_threshold: 0, lower_threshold: 0, method: 'nat' },
    since: '2026-11-22T14:06:00.000Z',
    by: 'root',
  },
];

/** What became of two servers. */
export const HISTORY: readonly ServerHistory[] = [
  {
    service: SERVICES[0]!.key,
    server: '192.168.1.101:8080',
    transitions: [
      { at: '2026-11-22T14:02:00.000Z', to: 'drained', reason: 'new disks' },
      { at: '2026-11-22T14:04:00.000Z', to: 'enabled', reason: '' },
    ],
  },
  {
    service: SERVICES[0]!.key,
    server: '192.168.1.102:8080',
    transitions: [
      { at: '2026-11-22T14:03:00.000Z', to: 'down', reason: 'connection refused (tcp 192.168.1.102:8080)' },
    ],
  },
];

/** What was called on the director, in order. */
export interface Fixture {
  readonly control: Control;
  readonly calls: string[];
}

const matches = (filter: string | undefined, end: Endpoint) =>
  filter === undefined || filter === formatEndpoint(end) || filter === end.address;

/** A fresh director; `overrides` replace what a test wants different. */
export function fixture(overrides: Partial<Control> = {}): Fixture {
  const calls: string[] = [];
  const control: Control = {
    status: () => ({
      version: '0.1.0',
      pid: 4242,
      started_at: '2026-11-22T14:00:00.000Z',
      config_file: '/etc/weir/weir.yaml',
      plane: 'bpf: room for 1,048,576 IPv4 and 131,072 IPv6 connections, 284 MiB',
      memory: { resident: 98_566_144, kernel: 297_795_584 },
      last_reload: { ok: true, at: '2026-11-22T14:05:00.000Z', message: '3 changes' },
      config_version: VERSION_IN_FORCE,
      counters_since: null,
      checks: { checks: 3, in_flight: 0, made: 1_200, void: 0, late_p50_ms: 0.4, late_p99_ms: 1.7 },
      retiring: [],
      dataplane: 'bpf',
      dataplane_chosen: null,
      migration: null,
    }),
    services: async () => SERVICES,
    servers: async () => SERVERS,
    overrides: () => OVERRIDES,
    changeRules: async (request) => {
      calls.push(`rules ${JSON.stringify(request)}`);
      return { ok: true, steps: 1, lines: ['1 change'], refused: [] };
    },
    dropOverrides: async (of) => {
      calls.push(`drop ${JSON.stringify(of)}`);
      return { ok: true, steps: 1, lines: ['1 change'] };
    },
    writeOverrides: async (how) => {
      calls.push(`write ${JSON.stringify(how)}`);
      return { ok: true, written: 1, lines: ['+ 9:       - {address: 192.168.1.104}'], left: [] };
    },
    history: () => HISTORY,
    setAdminState: async (request) => {
      calls.push(`admin ${JSON.stringify(request)}`);
      const found = SERVERS.filter(
        (one) =>
          (request.service === undefined || request.service === one.service) &&
          (one.address === request.of || formatEndpoint(one) === request.of),
      );
      return found.length === 0 ? undefined : found;
    },
    async *connections(filter) {
      calls.push(`connections ${JSON.stringify(filter)}`);
      for (const one of CONNECTIONS) {
        const key = `${one.protocol} ${formatEndpoint(one.virtual)}`;
        const wanted = filter.service === undefined || filter.service === key;
        if (wanted && matches(filter.client, one.client) && matches(filter.server, one.server)) yield [one];
        else yield [];
      }
    },
    verdicts: () => ({ forwarded: 1_204_881, replied: 1_003_211, not_ours: 88, no_server: 0, table_full: 2 }),
    diff: async (config) => {
      calls.push(config === undefined ? 'diff' : `diff ${config.file} ${config.text}`);
      return { ok: true, steps: [], lines: ['no changes'] };
    },
    reload: async () => {
      calls.push('reload');
      return {
        ok: true,
        steps: 1,
        lines: ['~ service tcp 203.0.113.100:80  weight of 192.168.1.101:80  1 → 3', '1 change'],
      };
    },
    config: () => ({
      text: 'services: []',
      file: '/etc/weir/weir.yaml',
      version: VERSION_IN_FORCE,
      persisted: true,
    }),
    apply: async ({ file, text }, how) => {
      if (how.if_version !== undefined && how.if_version !== VERSION_IN_FORCE)
        throw new VersionConflict(`version ${VERSION_IN_FORCE} is in force, not ${how.if_version}`);
      calls.push(`apply ${file} ${text} ${JSON.stringify(how)}`);
      return { ok: true, steps: 1, lines: ['1 change'], version: 'fedcba9876543210', persisted: how.persist };
    },
    migrate: async ({ to, dry_run, deadline_ms }) => {
      calls.push(
        `migrate to ${to}${dry_run ? ', dry' : ''}${deadline_ms === undefined ? '' : ` in ${deadline_ms} ms`}`,
      );
      if (to === 'bpf') throw new MigrationConflict('bpf directs already');
      const counts = { stay: 3, move: 0, templates: 0, forgotten: 1 };
      const lines = ['+ 3 services on ipvs', '3 connections stay with bpf until they end, 1h at most'];
      return { ok: true, from: 'bpf', to, dry_run, ...counts, until: '2026-11-22T15:03:00.000Z', lines };
    },
    zero: async (service) => {
      calls.push(`zero ${service ?? 'all'}`);
      return SERVICES.map(({ key }) => key).filter((key) => service === undefined || key === service);
    },
    async *events({ after, past }) {
      calls.push(`events after ${after ?? 'now'}${past ? ' with the past' : ''}`);
      if (after === 'gone') yield { kind: 'reset', id: 'life-0' };
      for (const event of EVENTS) yield { kind: 'event', event };
    },
    readiness: () => ({ ready: true, detail: '3 services on 2 interfaces' }),
    down: async () => {
      calls.push('down');
      return ['- program on eth0 (public)', '~ sysctl net.ipv4.ip_forward  1 → 0'];
    },
    ...overrides,
  };
  return { control, calls };
}

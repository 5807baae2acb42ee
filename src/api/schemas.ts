/** The shapes of what the API answers, for its document; the types that the program works with are held against them. */
import { z } from 'zod';
import { type ServerHistory, TURNS } from '../core/health/history.ts';
import type { ServerStatus } from '../core/health/status.ts';
import type { Connection } from '../core/model/connection.ts';
import type { ServerCounters, ServiceCounters, Verdicts } from '../core/model/counters.ts';
import { PLANE_KINDS } from '../core/model/host.ts';
import { PERSISTENCE_ENGINES } from '../core/model/persistence.ts';
import { PROTOCOLS, SCHEDULERS } from '../core/model/service.ts';
import { LISTED_STATES } from '../core/model/state.ts';
import { TUNNEL_TYPES } from '../core/model/tunnel.ts';
import { FACTORS } from '../core/weight/effective.ts';
import type {
  AnyOverride,
  ApplyDone,
  ConfigInForce,
  ConfigText,
  DiffDone,
  DirectorEvent,
  MigrateDone,
  Readiness,
  ReloadDone,
  RulesDone,
  RulesRequest,
  Status,
  WrittenOverrides,
} from './control.ts';
import type { Problem } from './problem.ts';
import { dropRequestSchema, ruleOverrideSchema, rulesRequestSchema } from './rule-schemas.ts';

/** Compiles only while every `T` is of the shape `S`. */
type Holds<S extends z.ZodType, T extends z.output<S>> = [S, T];

const count = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
const time = z.iso.datetime();
const plane = z.enum(PLANE_KINDS);
const lines = z.array(z.string()).readonly().describe('For people, a line each.');

const status = z.object({
  version: z.string().describe('The daemon’s version.'),
  pid: z.int(),
  started_at: time,
  config_file: z.string().describe('Absolute path of the file that a reload reads.'),
  plane: z.string().describe('The data plane’s own description, one line.'),
  memory: z.object({
    resident: count.describe('The daemon’s own resident memory, in bytes.'),
    kernel: count.describe('The data plane’s tables in the kernel, in bytes.'),
  }),
  last_reload: z.object({ ok: z.boolean(), at: time, message: z.string() }),
  config_version: z
    .string()
    .describe('The configuration in force, as ETag and If-Match of /v1/config have it.'),
  checks: z
    .object({
      checks: count,
      in_flight: count.describe('Attempts under way.'),
      made: count.describe('Attempts that were begun.'),
      void: count.describe('Of those: said nothing, as the director was late itself or could not ask.'),
      late_p50_ms: z.number(),
      late_p99_ms: z.number().describe('By how much the latest 1,024 attempts began after their time.'),
    })
    .describe('How the scheduler of the health checks keeps its times.'),
  counters_since: time
    .nullable()
    .describe('When counters were last set to zero; null if never in this daemon’s life.'),
  retiring: z
    .array(
      z.object({
        layout: z.string(),
        connections: count.nullable().describe('Still open; null until counted once.'),
        since: time.describe('Takes no new connections since.'),
        until: time.describe('Stays at most until; the connections it then has end.'),
      }),
    )
    .readonly()
    .describe('Data planes of other versions that finish their connections after an upgrade.'),
  dataplane: plane.nullable().describe('Which data plane directs; null while the director is starting.'),
  dataplane_chosen: z
    .object({ plane, since: time })
    .nullable()
    .describe('What an operator has migrated to, over the configuration; null while that decides.'),
  migration: z
    .object({
      from: plane.describe('It finishes its connections.'),
      to: plane.describe('It takes new ones.'),
      since: time,
      until: time.describe('The old plane stays at most until; the connections it then has end.'),
      connections: count.nullable().describe('What the old plane still has; null until counted once.'),
    })
    .nullable()
    .describe('The migration that is under way; null while there is none.'),
});

const migrateDone = z.object({
  ok: z.literal(true),
  from: plane,
  to: plane,
  dry_run: z.boolean(),
  stay: count.describe('Connections that the old plane has to finish.'),
  move: count.describe('Connections that go on through the new plane, to the same servers.'),
  templates: count.describe('Clients that the new plane remembers the server of.'),
  forgotten: count.describe('Clients whose next connection may go to another server.'),
  until: time.describe('The old plane stays at most until.'),
  lines: z.array(z.string()).readonly().describe('The whole in lines for people.'),
});

const traffic = {
  conns: count,
  inpkts: count.describe('Packets from clients.'),
  outpkts: count.describe('Packets to clients.'),
  inbytes: count.describe('Bytes from clients, from the IP header on.'),
  outbytes: count.describe('Bytes to clients, from the IP header on.'),
};
const endpoint = { address: z.string(), port: z.int().min(0).max(65_535) };
const serverCounters = z.object({
  ...endpoint,
  weight: z.int().min(0).max(65_535),
  active: count.describe('Connections in ESTABLISHED.'),
  inactive: count.describe('Connections in any other state.'),
  templates: count.describe('Persistence templates that lead to it: clients, or networks of them.'),
  leaving: z.boolean().describe('No longer configured; finishes the connections it has.'),
  upper_threshold: count
    .exactOptional()
    .describe('No new connections while it has so many; absent: any number.'),
  lower_threshold: count
    .exactOptional()
    .describe('Once overloaded, new ones when it has fewer; absent: than 3/4 of the upper threshold.'),
  method: z.enum(['direct', 'tunnel']).exactOptional().describe('How packets get to it; absent: nat.'),
  tunnel: z
    .object({
      type: z.enum(TUNNEL_TYPES),
      port: count.exactOptional(),
      checksum: z.enum(['full', 'remote']).exactOptional(),
    })
    .exactOptional()
    .describe('Only of the method tunnel; absent: IP in IP.'),
  overloaded: z
    .literal(true)
    .exactOptional()
    .describe('Present while it gets no new connections because it has reached its upper threshold.'),
  sorry: z.literal(true).exactOptional().describe('Present on the sorry server.'),
  ...traffic,
});
const checkStatus = z.object({
  check: z.string().describe('Such as "http GET 192.168.1.101:80/health".'),
  verdict: z.enum(['unknown', 'up', 'down']),
  against: count.describe('Results in a row that speak against the verdict.'),
  needed: count.describe('How many of them change it.'),
  last: z
    .object({
      outcome: z
        .enum(['passed', 'failed', 'void'])
        .describe(
          'void: the director was late itself, or could not ask, or there was no feedback; it counts neither way.',
        ),
      reason: z.string(),
      at: time,
      took_ms: z.number(),
    })
    .nullable(),
  warning: z
    .string()
    .nullable()
    .describe(
      'What somebody should look at although the check passes, such as a certificate that expires soon.',
    ),
  feedback: z
    .object({
      heard: z.number().nullable().describe('What was asked for last; null before the first figure.'),
      share: z.int().min(0).max(100).describe('What is in effect by it: smoothed, and within its bounds.'),
      stale: z.boolean().describe('True: no answer for too long, so the configured weight counts.'),
    })
    .nullable()
    .describe(
      'What the server asks for, in percent of its configured weight; null for a check without feedback, and before its first result.',
    ),
});
const serverStatus = serverCounters.extend({
  service: z.string(),
  configured_weight: z
    .int()
    .nullable()
    .describe('Null when it is no longer configured, and for the sorry server. `weight` is in effect.'),
  health: z
    .object({
      verdict: z.enum(['up', 'down']),
      checked: z.boolean().describe('False: the verdict is what it counts as until it has been checked.'),
      reason: z.string(),
      since: time.nullable(),
      checks: z.array(checkStatus).readonly(),
    })
    .nullable()
    .describe('Null for a server without checks.'),
  factors: z
    .array(z.object({ name: z.enum(FACTORS), value: z.number(), reason: z.string() }))
    .readonly()
    .describe('What the configured weight is multiplied by.'),
});
const serverHistory = z.object({
  service: z.string(),
  server: z.string().describe('Such as "192.168.1.101:80".'),
  transitions: z
    .array(
      z.object({
        at: time,
        to: z
          .enum(TURNS)
          .describe(
            'up, down: by its checks; held: down by flap damping; weighed: by its feedback; the others by an operator, or by a drain’s deadline.',
          ),
        reason: z.string().describe('Empty for none.'),
        weight: z
          .object({ from: count, to: count, changes: count, since: time })
          .exactOptional()
          .describe('Only of weighed: changes that stand together, the first of them since that time.'),
      }),
    )
    .readonly()
    .describe('The oldest first.'),
});
const stateOverride = z.object({
  kind: z.literal('state'),
  service: z.string(),
  server: z.string().describe('Such as "192.168.1.101:80".'),
  state: z.enum(['drain', 'down']),
  since: time,
  reason: z.string().exactOptional(),
  deadline: time.exactOptional().describe('Only of drain: when it becomes down; absent for never.'),
  overdue: z.literal(true).exactOptional().describe('Only of down: its drain has come to the deadline.'),
});
const override = z.discriminatedUnion('kind', [stateOverride, ...ruleOverrideSchema.options]);
const serviceCounters = z.object({
  key: z.string().describe('Such as "tcp 203.0.113.100:80".'),
  scheduler: z.enum(SCHEDULERS).or(z.string()),
  persistence: z
    .object({
      timeout: count.describe('Milliseconds that a template outlives its latest use.'),
      granularity: z.int().min(1).max(128).describe('Length of the prefix that clients share.'),
      expire_quiescent_template: z.literal(true).exactOptional(),
      engine: z.enum(PERSISTENCE_ENGINES).exactOptional().describe('Of ip_vs alone.'),
    })
    .exactOptional()
    .describe('Absent unless the service is persistent.'),
  sloppy_tcp: z.literal(true).exactOptional(),
  secure_tcp: z.literal(true).exactOptional(),
  one_packet: z.literal(true).exactOptional(),
  scheduler_flags: z.array(z.string()).readonly().optional().describe('Such as "sh-port"; absent for none.'),
  leaving: z.boolean(),
  servers: z.array(serverCounters).readonly(),
  ...traffic,
});
const verdicts = z.record(z.string(), count).describe('Packets by what became of them.');
const connection = z.object({
  protocol: z.enum(PROTOCOLS),
  state: z.enum(LISTED_STATES),
  client: z.object(endpoint),
  virtual: z.object(endpoint),
  server: z.object(endpoint),
  client_port_at_server: z.int().describe('The client’s port as the server sees it.'),
  expires_ms: count,
});
const configText = z.object({
  text: z.string().describe('The configuration, YAML.'),
  file: z.string().describe('What to call it in messages.'),
});
const configInForce = configText.extend({
  version: z.string(),
  persisted: z.boolean().describe('False: the next reload or start goes back to the file.'),
});
const step = z.looseObject({ kind: z.string() }).describe('One change; its other keys depend on its kind.');
const diffDone = z.object({ ok: z.literal(true), steps: z.array(step).readonly(), lines });
const reloadDone = z.object({ ok: z.literal(true), steps: count, lines });
const rulesDone = reloadDone.extend({
  refused: z
    .array(
      z.object({
        at: count.describe('Which of the changes, from 0.'),
        code: z
          .enum(['EEXIST', 'ESRCH', 'ENOENT'])
          .exactOptional()
          .describe('It is there already; there is no such service; no such server.'),
        text: z.string().exactOptional().describe('Why else.'),
      }),
    )
    .readonly()
    .describe('These changed nothing.'),
});
const writtenOverrides = z.object({
  ok: z.literal(true),
  written: count.describe('How many.'),
  lines: z.array(z.string()).readonly().describe('The file’s lines that change, after - and +.'),
  left: z.array(z.string()).readonly().describe('What is not written, and why.'),
});
const applyDone = reloadDone.extend({ version: z.string(), persisted: z.boolean() });
const event = z.object({
  id: z.string().describe('Where to go on: Last-Event-ID.'),
  time,
  level: z.enum(['info', 'warn', 'error', 'fatal']),
  event: z.string().describe('As in the log.'),
  fields: z.record(z.string(), z.unknown()),
});
const readiness = z.object({ ready: z.boolean(), detail: z.string() });
const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    problems: z.array(z.string()).readonly().exactOptional(),
  })
  .describe('RFC 9457.');

/** All shapes by the names that the document gives them. */
export const SCHEMAS = {
  Status: status,
  ServerCounters: serverCounters,
  ServiceCounters: serviceCounters,
  Verdicts: verdicts,
  Connection: connection,
  ConfigText: configText,
  ConfigInForce: configInForce,
  DiffDone: diffDone,
  ReloadDone: reloadDone,
  MigrateDone: migrateDone,
  ApplyDone: applyDone,
  Event: event,
  Readiness: readiness,
  Problem: problem,
  ServerStatus: serverStatus,
  ServerList: z.array(serverStatus),
  Override: override,
  ServerHistory: serverHistory,
  HistoryList: z.array(serverHistory),
  RulesRequest: rulesRequestSchema,
  RulesDone: rulesDone,
  DropRequest: dropRequestSchema,
  WrittenOverrides: writtenOverrides,
  OverrideList: z.array(override),
  ServiceList: z.array(serviceCounters),
  Zeroed: z.object({ services: z.array(z.string()).readonly() }),
  Lines: z.object({ lines }),
  Document: z.looseObject({ openapi: z.string() }),
  Health: z.object({ status: z.literal('ok') }),
} as const;

/** The name of a shape. */
export type SchemaName = keyof typeof SCHEMAS;

/** Never used as a value: the compiler reads it. */
export type Checked = [
  Holds<typeof status, Status>,
  Holds<typeof serverCounters, ServerCounters>,
  Holds<typeof serverStatus, ServerStatus>,
  Holds<typeof override, AnyOverride>,
  Holds<typeof rulesDone, RulesDone>,
  Holds<typeof rulesRequestSchema, RulesRequest>,
  Holds<typeof writtenOverrides, WrittenOverrides>,
  Holds<typeof serverHistory, ServerHistory>,
  Holds<typeof serviceCounters, ServiceCounters>,
  Holds<typeof verdicts, Verdicts>,
  Holds<typeof connection, Connection>,
  Holds<typeof configText, ConfigText>,
  Holds<typeof configInForce, ConfigInForce>,
  Holds<typeof diffDone, Omit<DiffDone, 'steps'> & { steps: readonly { kind: string }[] }>,
  Holds<typeof reloadDone, ReloadDone>,
  Holds<typeof migrateDone, MigrateDone>,
  Holds<typeof applyDone, ApplyDone>,
  Holds<typeof event, DirectorEvent>,
  Holds<typeof readiness, Readiness>,
  Holds<typeof problem, Problem>,
];

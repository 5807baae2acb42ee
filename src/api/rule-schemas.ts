/** The shapes of what ipvsadm changes, as they are sent and kept. */
import { z } from 'zod';
import { formatEndpoint, parseEndpoint } from '../core/address/address.ts';
import { MAX_PERSISTENCE_MS, MIN_PERSISTENCE_MS, PERSISTENCE_ENGINES } from '../core/model/persistence.ts';
import type { RuleChange } from '../core/model/rule.ts';
import { MAX_RULE_OVERRIDES, RULE_STATES, type RuleOverride } from '../core/model/rule-override.ts';
import {
  METHODS,
  parseServiceKey,
  SCHEDULER_FLAGS,
  SCHEDULERS,
  type ServiceKey,
  serviceKey,
} from '../core/model/service.ts';
import { TUNNEL_TYPES } from '../core/model/tunnel.ts';
import type { OverrideName, RulesRequest } from './control.ts';

const service = z
  .string()
  .max(2_000)
  .refine((text) => isKey(text))
  .describe('Such as "tcp 203.0.113.100:80".') as unknown as z.ZodType<ServiceKey>;

const server = z
  .string()
  .max(100)
  .refine((text) => isEndpoint(text))
  .describe('Such as "192.168.1.101:80".');

/** As it is written by `serviceKey`, so that each service has one name. */
function isKey(text: string): boolean {
  const name = parseServiceKey(text);
  return name !== undefined && serviceKey(name) === text;
}

function isEndpoint(text: string): boolean {
  const endpoint = parseEndpoint(text);
  return endpoint !== undefined && formatEndpoint(endpoint) === text;
}

const number = z.int().min(0).max(2_147_483_647);

const serviceFields = {
  scheduler: z.enum(SCHEDULERS),
  scheduler_flags: z
    .array(z.enum(SCHEDULER_FLAGS))
    .max(SCHEDULER_FLAGS.length)
    .readonly()
    .describe('Empty for none.'),
  persistence: z
    .strictObject({
      timeout: z.int().min(MIN_PERSISTENCE_MS).max(MAX_PERSISTENCE_MS).describe('Milliseconds.'),
      granularity: z.int().min(1).max(128).describe('Length of the prefix that clients share.'),
      engine: z.enum(PERSISTENCE_ENGINES).exactOptional(),
    })
    .nullable()
    .describe('Null for none.'),
  one_packet: z.boolean(),
};
const serverFields = {
  weight: number,
  upper_threshold: number.describe('0 for none.'),
  lower_threshold: number.describe('0 for none.'),
  method: z.enum(METHODS),
  tunnel: z
    .strictObject({
      type: z.enum(TUNNEL_TYPES),
      port: z.int().min(1).max(65_535).exactOptional(),
      checksum: z.enum(['full', 'remote']).exactOptional(),
    })
    .nullable()
    .describe('Null for IP in IP, and for other methods.'),
};
const serviceRule = z.strictObject(serviceFields);
const serverRule = z.strictObject(serverFields);

const said = {
  since: z.iso.datetime(),
  by: z.string().max(100).exactOptional().describe('Who has said it; absent where it is not known.'),
};
const change = z
  .enum(RULE_STATES)
  .describe('added: in addition to the file; edited: other than in the file; removed: in the file alone.');

/** An override, as it is kept and shown. */
export const ruleOverrideSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('service'),
    service,
    change,
    rule: z
      .strictObject({
        scheduler: serviceFields.scheduler.exactOptional(),
        scheduler_flags: serviceFields.scheduler_flags.exactOptional(),
        persistence: serviceFields.persistence.exactOptional(),
        one_packet: serviceFields.one_packet.exactOptional(),
      })
      .describe('Of added all, of edited what is other than in the file, of removed nothing.'),
    ...said,
  }),
  z.strictObject({
    kind: z.literal('server'),
    service,
    server,
    change,
    rule: z.strictObject({
      weight: serverFields.weight.exactOptional(),
      upper_threshold: serverFields.upper_threshold.exactOptional(),
      lower_threshold: serverFields.lower_threshold.exactOptional(),
      method: serverFields.method.exactOptional(),
      tunnel: serverFields.tunnel.exactOptional(),
    }),
    ...said,
  }),
]) satisfies z.ZodType<RuleOverride>;

const ruleChange = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.enum(['add-service', 'edit-service']), service, rule: serviceRule }),
  z.strictObject({ kind: z.literal('delete-service'), service }),
  z.strictObject({ kind: z.enum(['add-server', 'edit-server']), service, server, rule: serverRule }),
  z.strictObject({ kind: z.literal('delete-server'), service, server }),
  z.strictObject({ kind: z.literal('flush') }).describe('All services go.'),
]) satisfies z.ZodType<RuleChange>;

/** Changes, as they are sent. */
export const rulesRequestSchema = z.strictObject({
  changes: z
    .array(ruleChange)
    .max(4 * MAX_RULE_OVERRIDES)
    .readonly()
    .describe('Done in this order, as one plan.'),
  together: z.boolean().exactOptional().describe('True: nothing is changed where one of them is refused.'),
  by: said.by,
});

/** What is to be forgotten. */
export const dropRequestSchema = z.strictObject({
  of: z
    .union([
      z.literal('all'),
      z
        .array(
          z.strictObject({
            kind: z.enum(['state', 'service', 'server']),
            service,
            server: server.exactOptional(),
          }),
        )
        .max(2 * MAX_RULE_OVERRIDES)
        .readonly(),
    ])
    .describe('Overrides by their kinds and names, or all.'),
});

/** Said of a body that could not even be read. */
const NO_JSON = 'the body is no JSON';

/** What is asked for, or what is wrong with it, in a sentence. */
export function readRulesRequest(body: unknown): RulesRequest | string {
  if (body === undefined) return NO_JSON;
  const result = rulesRequestSchema.safeParse(body);
  if (!result.success) return complaint(result.error);
  const { changes, together, by } = result.data;
  return {
    changes: changes.map(inOneWay),
    ...(together !== undefined && { together }),
    ...(by !== undefined && { by: by.replaceAll(/\p{Cc}/gu, '?') }),
  };
}

/** Which overrides are to be forgotten, or what is wrong with the request. */
export function readDropRequest(body: unknown): { readonly of: readonly OverrideName[] | 'all' } | string {
  if (body === undefined) return NO_JSON;
  const result = dropRequestSchema.safeParse(body);
  return result.success ? result.data : complaint(result.error);
}

/** The same thing is said in one way: flags in their order, and no tunnel but to who is reached by one. */
function inOneWay(change: RuleChange): RuleChange {
  if (!('rule' in change)) return change;
  if ('server' in change) {
    const { method, tunnel } = change.rule;
    const isPlain = method !== 'tunnel' || tunnel?.type === 'ipip';
    return isPlain ? { ...change, rule: { ...change.rule, tunnel: null } } : change;
  }
  const { scheduler_flags: flags } = change.rule;
  return {
    ...change,
    rule: { ...change.rule, scheduler_flags: SCHEDULER_FLAGS.filter((one) => flags.includes(one)) },
  };
}

function complaint({ issues }: z.ZodError): string {
  const [first] = issues;
  return `${first?.path.join('.') || 'the body'}: ${first?.message ?? 'not understood'}`;
}

/** Routes that compare configurations, and those that change something. */
import type { Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { parseDuration } from '../config/units.ts';
import { formatEndpoint, parseAddress, parseEndpoint } from '../core/address/address.ts';
import { PLANE_KINDS } from '../core/model/host.ts';
import { ADMIN_STATES } from '../core/model/override.ts';
import { parseServiceKey, serviceKey } from '../core/model/service.ts';
import type { App } from './app.ts';
import type { AdminRequest, ConfigText, Control, Refused } from './control.ts';
import { problemResponse } from './problem.ts';

/** The longest body that may be sent, in bytes: a configuration of 16 MiB, every character of it escaped, and some. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

const refusal = ({ problems }: Refused) =>
  problemResponse('refused', 'Nothing was changed; the configuration in force stays.', problems);

/** Reads a body with a configuration; undefined if it is not `{"text": …, "file": …}`. */
async function readConfigText(request: { json(): Promise<unknown> }): Promise<ConfigText | undefined> {
  const body = (await request.json().catch(() => undefined)) as Partial<ConfigText> | null | undefined;
  if (typeof body?.text !== 'string' || typeof body.file !== 'string') return undefined;
  return { text: body.text, file: body.file };
}

const notUnderstood = () => problemResponse('bad-request', 'Expected {"text": "…", "file": "…"} as JSON.');

/** The version that If-Match asks for (RFC 9110, section 13.1.1); undefined for any, null for what is no single strong ETag. */
function wantedVersion(c: Context): string | undefined | null {
  const header = c.req.header('if-match');
  if (header === undefined || header.trim() === '*') return undefined;
  return /^"([^"]*)"$/.exec(header.trim())?.[1] ?? null;
}

/** The longest reason that is kept, in characters. */
const LONGEST_REASON = 200;

/** How long a drain may last by its deadline, in milliseconds. */
const MIN_DEADLINE_MS = 1_000;
const MAX_DEADLINE_MS = 30 * 86_400_000;

/** In how many milliseconds a deadline is; or what is wrong with it. */
function readDeadline(text: string, state: string): number | string {
  return state === 'drain' ? readDuration(text) : 'only a drain has a deadline';
}

function readDuration(text: string): number | string {
  const value = parseDuration(text);
  if (value !== undefined && value >= MIN_DEADLINE_MS && value <= MAX_DEADLINE_MS) return value;
  return `"${text}" is no deadline; expected a duration from 1s to 30d, such as 5m or 1h30m`;
}

/** What is asked of servers, or what is wrong with it. */
function adminRequest(
  { server, state: word }: { readonly server: string; readonly state: string },
  query: Readonly<Record<string, string>>,
): AdminRequest | string {
  const endpoint = parseEndpoint(server);
  const of = endpoint === undefined ? parseAddress(server) : formatEndpoint(endpoint);
  const state = ADMIN_STATES.find((one) => one === word);
  const { service: text, reason, deadline } = query;
  const service = text === undefined ? undefined : parseServiceKey(text);
  if (of === undefined) return `"${server}" names no server; expected 192.168.1.101 or 192.168.1.101:80`;
  if (state === undefined) return `"${word}" is none of ${ADMIN_STATES.join(', ')}`;
  if (text !== undefined && service === undefined)
    return `"${text}" names no service; expected tcp/203.0.113.100:80`;
  if (reason !== undefined && !/^\P{Cc}*$/u.test(reason.slice(0, LONGEST_REASON + 1)))
    return 'a reason is one line of text';
  if (reason !== undefined && reason.length > LONGEST_REASON)
    return `a reason has at most ${LONGEST_REASON} characters`;
  const deadlineMs = deadline === undefined ? undefined : readDeadline(deadline, state);
  if (typeof deadlineMs === 'string') return deadlineMs;
  return {
    of,
    state,
    ...(service && { service: serviceKey(service) }),
    ...(reason !== undefined && { reason }),
    ...(deadlineMs !== undefined && { deadline_ms: deadlineMs }),
  };
}

/** Adds them. */
export function addChangeRoutes(app: App, control: Control): void {
  const tooLarge = () => problemResponse('too-large', `A request may have ${MAX_BODY_BYTES} bytes.`);
  const limited = bodyLimit({ maxSize: MAX_BODY_BYTES, onError: tooLarge });
  app.get('/v1/diff', async (c) => {
    const result = await control.diff();
    return result.ok ? c.json(result) : refusal(result);
  });
  app.post('/v1/diff', limited, async (c) => {
    const config = await readConfigText(c.req);
    if (config === undefined) return notUnderstood();
    const result = await control.diff(config);
    return result.ok ? c.json(result) : refusal(result);
  });
  app.put('/v1/config', limited, async (c) => {
    const persist = c.req.query('persist') ?? '0';
    if (persist !== '0' && persist !== '1')
      return problemResponse('bad-request', `persist "${persist}" is neither 0 nor 1`);
    const if_version = wantedVersion(c);
    if (if_version === null)
      return problemResponse('bad-request', 'If-Match has to be one version in quotes, or *.');
    const config = await readConfigText(c.req);
    if (config === undefined) return notUnderstood();
    const how = { persist: persist === '1', ...(if_version === undefined ? {} : { if_version }) };
    const result = await control.apply(config, how);
    return result.ok ? c.json(result, 200, { etag: `"${result.version}"` }) : refusal(result);
  });
  app.post('/v1/reload', async (c) => {
    const result = await control.reload();
    return result.ok ? c.json(result) : refusal(result);
  });
  app.put('/v1/dataplane/:to', async (c) => {
    const word = c.req.param('to');
    const { deadline, dry_run = '0' } = c.req.query();
    const to = PLANE_KINDS.find((one) => one === word);
    if (to === undefined)
      return problemResponse('bad-request', `"${word}" is none of ${PLANE_KINDS.join(', ')}`);
    const deadlineMs = deadline === undefined ? undefined : readDuration(deadline);
    if (typeof deadlineMs === 'string') return problemResponse('bad-request', deadlineMs);
    if (dry_run !== '0' && dry_run !== '1')
      return problemResponse('bad-request', `dry_run "${dry_run}" is neither 0 nor 1`);
    const how = { ...(deadlineMs !== undefined && { deadline_ms: deadlineMs }) };
    const result = await control.migrate({ to, dry_run: dry_run === '1', ...how });
    return result.ok ? c.json(result) : refusal(result);
  });
  app.post('/v1/counters/zero', async (c) => {
    const text = c.req.query('service');
    const service = text === undefined ? undefined : parseServiceKey(text);
    if (text !== undefined && service === undefined)
      return problemResponse('bad-request', `"${text}" names no service; expected tcp/203.0.113.100:80`);
    const services = await control.zero(service && serviceKey(service));
    if (service !== undefined && services.length === 0)
      return problemResponse('not-found', `There is no service ${text}.`);
    return c.json({ services });
  });
  app.put('/v1/servers/:server/:state', async (c) => {
    const request = adminRequest(c.req.param(), c.req.query());
    if (typeof request === 'string') return problemResponse('bad-request', request);
    const servers = await control.setAdminState(request);
    return servers !== undefined
      ? c.json(servers)
      : problemResponse(
          'not-found',
          `no server ${request.of}${request.service === undefined ? '' : ` in ${request.service}`}; weir servers lists those that there are`,
        );
  });
  const rules = () => import('./rule-schemas.ts');
  app.post('/v1/rules', limited, async (c) => {
    const request = (await rules()).readRulesRequest(await c.req.json().catch(() => undefined));
    return typeof request === 'string'
      ? problemResponse('bad-request', request)
      : c.json(await control.changeRules(request));
  });
  app.post('/v1/overrides/drop', limited, async (c) => {
    const request = (await rules()).readDropRequest(await c.req.json().catch(() => undefined));
    return typeof request === 'string'
      ? problemResponse('bad-request', request)
      : c.json(await control.dropOverrides(request.of));
  });
  app.post('/v1/overrides/write', async (c) => {
    const dry = c.req.query('dry_run') ?? '0';
    if (dry !== '0' && dry !== '1')
      return problemResponse('bad-request', `dry_run "${dry}" is neither 0 nor 1`);
    const result = await control.writeOverrides({ dry_run: dry === '1' });
    return result.ok ? c.json(result) : refusal(result);
  });
  app.post('/v1/down', async (c) => c.json({ lines: await control.down() }));
}

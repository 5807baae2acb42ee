/** The control API, version 1: each route hands its request to the director and puts the answer into JSON. */
import type { HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { ConfigText, Control, Refused } from './control.ts';
import { parseConnectionQuery } from './filter.ts';
import { problemResponse } from './problem.ts';
import { NDJSON, ndjsonBody, take } from './stream.ts';

/** The longest configuration that may be sent for comparison, in bytes. */
export const MAX_CONFIG_BYTES = 64 * 1024 * 1024;

const refusal = ({ problems }: Refused) =>
  problemResponse('refused', 'Nothing was changed; the configuration in force stays.', problems);

/** Reads the body of POST /v1/diff; undefined if it is not `{"text": …, "file": …}`. */
async function readConfigText(request: { json(): Promise<unknown> }): Promise<ConfigText | undefined> {
  const body = (await request.json().catch(() => undefined)) as Partial<ConfigText> | null | undefined;
  if (typeof body?.text !== 'string' || typeof body.file !== 'string') return undefined;
  return { text: body.text, file: body.file };
}

/** Told of every request that failed for a reason of the director's own. */
export type ReportFailure = (request: string, error: Error) => void;

/** All routes over one director. */
export function controlRoutes(control: Control, report: ReportFailure) {
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.get('/v1/status', (c) => c.json(control.status()));
  app.get('/v1/services', async (c) => c.json(await control.services()));
  app.get('/v1/verdicts', (c) => c.json(control.verdicts()));
  app.get('/v1/connections', (c) => {
    const query = parseConnectionQuery(c.req.query());
    if ('mistake' in query) return problemResponse('bad-request', query.mistake);
    const all = control.connections(query.filter);
    const wanted = query.limit === undefined ? all : take(all, query.limit);
    const fail = (error: Error) => {
      report(`GET ${c.req.path}`, error);
      c.env.outgoing.destroy();
    };
    return c.body(ndjsonBody(wanted, fail), 200, { 'content-type': NDJSON });
  });
  app.get('/v1/diff', async (c) => {
    const result = await control.diff();
    return result.ok ? c.json(result) : refusal(result);
  });
  const tooLarge = () => problemResponse('too-large', `A configuration may have ${MAX_CONFIG_BYTES} bytes.`);
  app.post('/v1/diff', bodyLimit({ maxSize: MAX_CONFIG_BYTES, onError: tooLarge }), async (c) => {
    const config = await readConfigText(c.req);
    if (config === undefined)
      return problemResponse('bad-request', 'Expected {"text": "…", "file": "…"} as JSON.');
    const result = await control.diff(config);
    return result.ok ? c.json(result) : refusal(result);
  });
  app.post('/v1/reload', async (c) => {
    const result = await control.reload();
    return result.ok ? c.json(result) : refusal(result);
  });
  app.post('/v1/down', async (c) => c.json({ lines: await control.down() }));
  app.notFound((c) => problemResponse('not-found', `No route ${c.req.method} ${c.req.path}.`));
  app.onError((error, c) => {
    report(`${c.req.method} ${c.req.path}`, error);
    return problemResponse('failed', error.message);
  });
  return app;
}

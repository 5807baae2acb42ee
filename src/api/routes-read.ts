/** Routes that change nothing. */
import { parseServiceKey, serviceKey } from '../core/model/service.ts';
import type { App, ReportFailure } from './app.ts';
import type { Control } from './control.ts';
import { parseConnectionQuery } from './filter.ts';
import { problemResponse } from './problem.ts';
import { EVENT_STREAM, eventBody } from './sse.ts';
import { NDJSON, ndjsonBody, take } from './stream.ts';

/** Readers of the event stream at a time. */
export const MAX_EVENT_READERS = 32;

/** Adds them. */
export function addReadRoutes(app: App, control: Control, report: ReportFailure): void {
  app.get('/v1/status', (c) => c.json(control.status()));
  app.get('/v1/services', async (c) => c.json(await control.services()));
  app.get('/v1/services/:protocol/:endpoint{.+}', async (c) => {
    const { protocol, endpoint } = c.req.param();
    const key = parseServiceKey(`${protocol}/${endpoint}`);
    const found = key && (await control.services()).find((service) => service.key === serviceKey(key));
    return found === undefined
      ? problemResponse('not-found', `There is no service ${protocol}/${endpoint}.`)
      : c.json(found);
  });
  app.get('/v1/servers', async (c) => c.json(await control.servers()));
  app.get('/v1/history', (c) => c.json(control.history()));
  app.get('/v1/overrides', (c) => c.json(control.overrides()));
  app.get('/v1/verdicts', (c) => c.json(control.verdicts()));
  app.get('/v1/config', (c) => {
    const config = control.config();
    return c.json(config, 200, { etag: `"${config.version}"` });
  });
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
  addEvents(app, control);
}

/** Events: a reader that comes back says by Last-Event-ID, or by the query's `after`, which one it had last. */
function addEvents(app: App, control: Control): void {
  let readers = 0;
  app.get('/v1/events', (c) => {
    if (readers >= MAX_EVENT_READERS)
      return problemResponse('too-many', `There are ${MAX_EVENT_READERS} readers of events already.`);
    const past = c.req.query('past');
    if (past !== undefined && past !== '0' && past !== '1')
      return problemResponse('bad-request', `past "${past}" is neither 0 nor 1`);
    const after = c.req.header('last-event-id') ?? c.req.query('after');
    readers++;
    const body = eventBody(
      (signal) => control.events({ after, past: past === '1' }, signal),
      () => {
        readers--;
      },
    );
    return c.body(body, 200, { 'content-type': EVENT_STREAM, 'cache-control': 'no-store' });
  });
}

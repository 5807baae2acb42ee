/** The control API, version 1: each route hands its request to the director and puts the answer into JSON. */
import { Hono } from 'hono';
import type { App, ReportFailure } from './app.ts';
import { checkRequest } from './check-request.ts';
import { type Control, MigrationConflict, NotReady, VersionConflict } from './control.ts';
import { problemResponse } from './problem.ts';
import { addChangeRoutes } from './routes-change.ts';
import { addReadRoutes } from './routes-read.ts';

/** All routes over one director; `src/api/operations.ts` describes each. */
export function controlRoutes(control: Control, report: ReportFailure): App {
  const app: App = new Hono();
  app.use(checkRequest());
  app.get('/healthz', (c) => c.json({ status: 'ok' }));
  app.get('/readyz', (c) => {
    const { ready, detail } = control.readiness();
    return ready ? c.json({ ready, detail }) : problemResponse('not-ready', detail);
  });
  app.get('/v1/openapi.json', async (c) => {
    // Loaded here: the verbs of the command line start faster without the schemas.
    const { openApiDocument } = await import('./openapi.ts');
    return c.json(openApiDocument());
  });
  addReadRoutes(app, control, report);
  addChangeRoutes(app, control);
  app.notFound((c) => problemResponse('not-found', `No route ${c.req.method} ${c.req.path}.`));
  app.onError((error, c) => {
    if (error instanceof MigrationConflict) return problemResponse('plane-conflict', error.message);
    if (error instanceof VersionConflict) return problemResponse('version-conflict', error.message);
    if (error instanceof NotReady) return problemResponse('not-ready', error.message);
    report(`${c.req.method} ${c.req.path}`, error);
    return problemResponse('failed', error.message);
  });
  return app;
}

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { fixture } from './control.fixture.ts';
import { openApiText } from './openapi.ts';
import { OPERATIONS } from './operations.ts';
import { controlRoutes } from './routes.ts';
import { SCHEMAS } from './schemas.ts';

const app = controlRoutes(fixture().control, () => {});

describe('the document', () => {
  test('in docs/reference is the one that is served (npx tsx scripts/generate-openapi.ts)', async () => {
    const checkedIn = readFileSync(new URL('../../docs/reference/openapi.json', import.meta.url), 'utf8');
    expect(checkedIn).toBe(openApiText());
    const served = await app.request('/v1/openapi.json');
    expect(await served.json()).toEqual(JSON.parse(checkedIn));
  });

  test('has every route there is, and no other', () => {
    const routes = app.routes
      .filter(({ method }) => method !== 'ALL')
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)(?:\{.+?\})?/g, '{$1}')}`);
    const described = OPERATIONS.map(({ method, path }) => `${method.toUpperCase()} ${path}`);
    expect([...new Set(routes)].sort()).toEqual([...described].sort());
  });

  test('names no shape that it lacks', () => {
    const text = openApiText();
    const { components } = JSON.parse(text) as { components: { schemas: object } };
    for (const [, name] of text.matchAll(/#\/components\/schemas\/(\w+)/g))
      expect(components.schemas).toHaveProperty(name!);
    expect(new Set(OPERATIONS.map(({ id }) => id)).size).toBe(OPERATIONS.length);
  });
});

const sent = JSON.stringify({ text: 'services: []', file: 'new.yaml' });
/** For those that are not sent a configuration. */
const bodies: Readonly<Record<string, string>> = {
  RulesRequest: JSON.stringify({ changes: [{ kind: 'flush' }], together: true }),
  DropRequest: JSON.stringify({ of: 'all' }),
};
const concrete: Readonly<Record<string, string>> = {
  '/v1/services/{protocol}/{endpoint}': '/v1/services/tcp/203.0.113.100:80',
  '/v1/servers/{server}/{state}': '/v1/servers/192.168.1.101/drain',
  '/v1/dataplane/{to}': '/v1/dataplane/ipvs',
};

describe('an answer has the shape that the document gives it', () => {
  test.each(OPERATIONS)('$id', async ({ method, path, body, answer, media }) => {
    const response = await app.request(concrete[path] ?? path, {
      method: method.toUpperCase(),
      ...(body === undefined ? {} : { body: bodies[body] ?? sent }),
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toContain(media ?? 'application/json');
    const text = await response.text();
    const values =
      media === 'text/event-stream'
        ? [...text.matchAll(/^data: (.+)$/gm)].map(([, data]) => JSON.parse(data!))
        : media === 'application/x-ndjson'
          ? text
              .trimEnd()
              .split('\n')
              .map((line) => JSON.parse(line))
          : [JSON.parse(text)];
    expect(values.length).toBeGreaterThan(0);
    for (const value of values) expect(() => SCHEMAS[answer].parse(value)).not.toThrow();
  });
});

/** The API's document by OpenAPI 3.1, made from the routes in words and the shapes of their answers. */
import { z } from 'zod';
import { OPERATIONS, type Operation } from './operations.ts';
import { PROBLEM_JSON, type ProblemKind, problemOf } from './problem.ts';
import { SCHEMAS, type SchemaName } from './schemas.ts';
import { VERSION } from './version.ts';

const reference = (name: SchemaName) => ({ $ref: `#/components/schemas/${name}` });

/** The JSON Schema of a shape, without the words that only a file of its own needs. OpenAPI 3.1 speaks draft 2020-12. */
function schemaOf(schema: z.ZodType): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'output', target: 'draft-2020-12' });
  return rest;
}

const problemAnswer = (kinds: readonly ProblemKind[]) => ({
  description: kinds.map((kind) => problemOf(kind, '').title).join('; '),
  content: { [PROBLEM_JSON]: { schema: reference('Problem') } },
});

/** The problems of an operation by status; any route can meet a director that starts, fails, or wants a token, and refuses parameters that it does not know. */
function problems({ problems: own = [] }: Operation): object {
  const kinds = [...new Set<ProblemKind>([...own, 'bad-request', 'unauthorized', 'failed', 'not-ready'])];
  const statuses = [...new Set(kinds.map((kind) => problemOf(kind, '').status))].sort();
  const ofStatus = (status: number) => kinds.filter((kind) => problemOf(kind, '').status === status);
  return Object.fromEntries(statuses.map((status) => [status, problemAnswer(ofStatus(status))]));
}

function parameters({ path, query = {}, headers = {} }: Operation): object[] {
  const text = { schema: { type: 'string' } };
  const given = (place: 'query' | 'header', words: Readonly<Record<string, string>>) =>
    Object.entries(words).map(([name, description]) => ({ name, in: place, description, ...text }));
  return [
    ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({ name, in: 'path', required: true, ...text })),
    ...given('query', query),
    ...given('header', headers),
  ];
}

function describe(operation: Operation): object {
  const { id, summary, answer, media = 'application/json', body } = operation;
  const all = parameters(operation);
  return {
    operationId: id,
    summary,
    ...(all.length === 0 ? {} : { parameters: all }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: reference(body) } } } }),
    responses: {
      200: { description: 'Done.', content: { [media]: { schema: reference(answer) } } },
      ...problems(operation),
    },
  };
}

/** The whole document. */
export function openApiDocument(): Readonly<Record<string, unknown>> {
  const paths: Record<string, Record<string, object>> = {};
  for (const operation of OPERATIONS) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: describe(operation) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Weir’s control API',
      version: VERSION,
      description:
        'On the control socket, a unix socket for its owner alone; over TCP only with TLS and a token (weir run --listen).',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{}, { token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'Over TCP only.' } },
      schemas: Object.fromEntries(Object.entries(SCHEMAS).map(([name, one]) => [name, schemaOf(one)])),
    },
  };
}

/** The widest line that the formatter leaves as it is. */
const LINE = 110;

/** The document as the text of its file: lists of words on one line where they fit, as the formatter wants them. */
export function openApiText(): string {
  const text = JSON.stringify(openApiDocument(), null, 2);
  const short = text.replaceAll(/^(.*)\[\n\s+([^[\]{}]*?)\n\s+\](,?)$/gm, (whole, before, items, after) => {
    const line = `${before}[${(items as string).replaceAll(/\n\s+/g, ' ')}]${after}`;
    return line.length <= LINE ? line : whole;
  });
  return `${short}\n`;
}

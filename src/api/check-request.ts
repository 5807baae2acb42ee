/** Refuses what no route is described to take, so that a slip in a request's words never does something else than was meant. */
import type { MiddlewareHandler } from 'hono';
import { OPERATIONS, type Operation } from './operations.ts';
import { problemResponse } from './problem.ts';

/** A path of the document as a pattern. An endpoint may hold slashes: of a prefix, `203.0.113.0/28:80`. */
const patternOf = ({ path }: Operation): RegExp =>
  new RegExp(
    `^${path
      .replaceAll('.', '\\.')
      .replaceAll('{endpoint}', '.+')
      .replaceAll(/\{\w+\}/g, '[^/]+')}$`,
  );

/** Answers methods that a path does not have with 405 and those that it has, and unknown parameters with 400. */
export function checkRequest(): MiddlewareHandler {
  const known = OPERATIONS.map((operation) => ({ operation, pattern: patternOf(operation) }));
  return async (c, next) => {
    const path = known.filter(({ pattern }) => pattern.test(c.req.path)).map(({ operation }) => operation);
    if (path.length === 0) return next();
    // HEAD is GET without the body (RFC 9110, 9.3.2).
    const method = c.req.method === 'HEAD' ? 'get' : c.req.method.toLowerCase();
    const operation = path.find((one) => one.method === method);
    if (operation === undefined) return otherMethod(c.req.method, path);
    const names = Object.keys(operation.query ?? {});
    const strange = Object.keys(c.req.query()).find((name) => !names.includes(name));
    return strange === undefined ? next() : strangeParameter(strange, names);
  };
}

function otherMethod(method: string, path: readonly Operation[]): Response {
  const allowed = path.flatMap((one) =>
    one.method === 'get' ? ['GET', 'HEAD'] : [one.method.toUpperCase()],
  );
  const response = problemResponse('no-such-method', `It takes ${allowed.join(', ')}, not ${method}.`);
  // Required with a 405 (RFC 9110, 15.5.6).
  response.headers.set('allow', allowed.join(', '));
  return response;
}

function strangeParameter(name: string, known: readonly string[]): Response {
  const expected = known.length === 0 ? 'it takes none' : `expected one of ${known.join(', ')}`;
  return problemResponse('bad-request', `There is no parameter "${name}" here; ${expected}.`);
}

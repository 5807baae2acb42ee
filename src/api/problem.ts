/** Errors of the control API, as bodies by RFC 9457. */

/** The body of an error: `application/problem+json`. */
export interface Problem {
  /** What kind of error: `urn:weir:` and one of the words below. */
  readonly type: `urn:weir:${ProblemKind}`;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** For `refused`: one line per mistake of the configuration. */
  readonly problems?: readonly string[];
}

/** Kinds of errors, each with its HTTP status and title. */
const KINDS = {
  'bad-request': [400, 'The request cannot be understood'],
  unauthorized: [401, 'A token is needed'],
  'not-found': [404, 'There is no such thing'],
  'no-such-method': [405, 'That cannot be done with it'],
  'version-conflict': [412, 'Another configuration is in force'],
  'plane-conflict': [409, 'That data plane directs already'],
  'too-large': [413, 'The request is too large'],
  refused: [422, 'The configuration was refused'],
  'too-many': [429, 'Too many are listening'],
  failed: [500, 'The director could not do it'],
  'not-ready': [503, 'The director is not ready'],
} as const;

export type ProblemKind = keyof typeof KINDS;

/** The media type of a problem (RFC 9457, section 6.1). */
export const PROBLEM_JSON = 'application/problem+json';

/** The body of an error of this kind. */
export function problemOf(kind: ProblemKind, detail: string, problems?: readonly string[]): Problem {
  const [status, title] = KINDS[kind];
  return { type: `urn:weir:${kind}`, title, status, detail, ...(problems === undefined ? {} : { problems }) };
}

/** The same as a response. */
export function problemResponse(kind: ProblemKind, detail: string, problems?: readonly string[]): Response {
  const problem = problemOf(kind, detail, problems);
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: { 'content-type': PROBLEM_JSON },
  });
}

/** The http and https checks: is a request answered with the right status and body? */
import { createHash } from 'node:crypto';
import { type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { request as secureRequest } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { familyOf, formatEndpoint } from '../core/address/address.ts';
import { type HttpCheck, type HttpsCheck, MAX_CHECKED_BODY } from '../core/model/check.ts';
import type { BodyExpectation, HttpParts } from '../core/model/check-protocols.ts';
import { failed, type Outcome, outcomeOf, passed } from './outcome.ts';
import { quote } from './quote.ts';
import { type Match, matcher } from './regex.ts';
import { expiryWarning, tlsOptions } from './tls.ts';

/** The longest header that is read, in bytes. */
const MAX_HEADER = 16_384;

/** Asks once; ends with the answer, a failure, or when `signal` aborts. A body is read only where something is expected of it. */
export async function checkHttp(check: HttpCheck | HttpsCheck, signal: AbortSignal): Promise<Outcome> {
  if (check.type === 'http') return exchange(check, signal, request(optionsOf(check)));
  try {
    const tls = await tlsOptions(check.tls);
    if (signal.aborted) return outcomeOf(signal.reason);
    return await exchange(check, signal, secureRequest({ ...optionsOf(check), ...tls }));
  } catch (error) {
    return outcomeOf(error);
  }
}

function optionsOf(check: HttpCheck | HttpsCheck): RequestOptions {
  const { address, port, source, method, path, host } = check;
  return {
    host: address,
    family: familyOf(address),
    port,
    method,
    path,
    ...(source && { localAddress: source }),
    headers: {
      host: host ?? formatEndpoint(check),
      'user-agent': 'weir-check',
      accept: '*/*',
      connection: 'close',
    },
    agent: false,
    maxHeaderSize: MAX_HEADER,
  };
}

function exchange(
  check: HttpCheck | HttpsCheck,
  signal: AbortSignal,
  outgoing: ClientRequest,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const end = (outcome: Outcome) => {
      signal.removeEventListener('abort', abort);
      outgoing.destroy();
      resolve(outcome);
    };
    const abort = () => end(outcomeOf(signal.reason));
    signal.addEventListener('abort', abort);
    outgoing.on('error', (error) => end(outcomeOf(error)));
    outgoing.on('response', (response) => {
      // Asked now: a socket that has closed no longer knows its certificate.
      const warning =
        check.type === 'https' ? expiryWarning(response.socket as TLSSocket, check.tls) : undefined;
      judge(check, response, warning).then(end, (error) => end(outcomeOf(error)));
    });
    outgoing.end();
  });
}

async function judge(
  check: HttpParts,
  response: IncomingMessage,
  warning: string | undefined,
): Promise<Outcome> {
  const status = response.statusCode ?? 0;
  // The body of a response that nobody reads goes with its socket.
  response.on('error', () => {});
  if (!check.status.some(([from, to]) => status >= from && status <= to))
    return failed(`status ${status}, not ${check.status.map(rangeText).join(' or ')}`);
  if (check.body === undefined) return passed(`status ${status}`, warning);
  const body = await readBody(response);
  if (body === undefined) return failed(`the body is longer than ${MAX_CHECKED_BODY / 1_048_576} MiB`);
  const wrong = judgeBody(check.body, body);
  return wrong === undefined ? passed(`status ${status}, body as expected`, warning) : failed(wrong);
}

const rangeText = ([from, to]: readonly [number, number]) => (from === to ? `${from}` : `${from}-${to}`);

/** The whole body; undefined if it is longer than what is looked at. Rejects when it is cut short. */
async function readBody(response: IncomingMessage): Promise<Buffer | undefined> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of response) {
    pieces.push(piece as Buffer);
    length += (piece as Buffer).length;
    if (length > MAX_CHECKED_BODY) return undefined;
  }
  return Buffer.concat(pieces);
}

/** What is wrong with a body; undefined if it is as expected. Throws what `match` throws. */
function judgeBody(
  { contains, regex, digest }: BodyExpectation,
  body: Buffer,
  match: Match = matcher(),
): string | undefined {
  if (contains !== undefined && !body.includes(contains))
    return `the body does not contain ${quote(contains)}`;
  if (regex !== undefined && !match(new RegExp(regex, 'us'), body.toString('utf8')))
    return `the body does not match ${quote(regex)}`;
  if (digest === undefined) return undefined;
  const algorithm = digest.length === 32 ? 'md5' : 'sha256';
  const found = createHash(algorithm).update(body).digest('hex');
  return found === digest
    ? undefined
    : `the body's ${algorithm} is ${found.slice(0, 12)}…, not ${digest.slice(0, 12)}…`;
}

/** The grpc check: what does a server's grpc.health.v1 service say (its doc/health-checking.md, and PROTOCOL-HTTP2.md)? */
import { connect as connectHttp2, constants } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { formatEndpoint } from '../core/address/address.ts';
import type { GrpcCheck } from '../core/model/check.ts';
import { failed, type Outcome, outcomeOf, passed } from './outcome.ts';
import { expiryWarning, tlsOptions } from './tls.ts';

/** The longest answer that is read, in bytes: the right ones have seven. */
const MAX_ANSWER = 1_024;
/** HealthCheckResponse.ServingStatus by its number. */
const STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
/** Some of gRPC's codes, which a server without the service, or without such a name, answers with. */
const CODES: Readonly<Record<string, string>> = { 5: 'NOT_FOUND', 12: 'UNIMPLEMENTED', 14: 'UNAVAILABLE' };

/** Asks once; ends with the status, a failure, or when `signal` aborts. */
export async function checkGrpc(check: GrpcCheck, signal: AbortSignal): Promise<Outcome> {
  try {
    const { address: host, port, source, tls } = check;
    const where = { host, port, ...(source && { localAddress: source }) };
    const options = tls && (await tlsOptions(tls));
    if (signal.aborted) return outcomeOf(signal.reason);
    const socket =
      options === undefined ? connect(where) : tlsConnect({ ...where, ...options, ALPNProtocols: ['h2'] });
    return await exchange(check, socket, signal);
  } catch (error) {
    return outcomeOf(error);
  }
}

function exchange(check: GrpcCheck, socket: Socket, signal: AbortSignal): Promise<Outcome> {
  return new Promise((resolve) => {
    const scheme = check.tls === undefined ? 'http' : 'https';
    const authority = check.tls?.server_name ?? formatEndpoint(check);
    let destroy: () => void = () => socket.destroy();
    const end = (outcome: Outcome) => {
      signal.removeEventListener('abort', abort);
      destroy();
      resolve(outcome);
    };
    const abort = () => end(outcomeOf(signal.reason));
    signal.addEventListener('abort', abort);
    // Stays until the end: an error that comes after `destroy` is nobody's.
    socket.on('error', (error) => end(outcomeOf(error)));
    socket.once(check.tls === undefined ? 'connect' : 'secureConnect', () => {
      const warning = check.tls && expiryWarning(socket as TLSSocket, check.tls);
      const session = connectHttp2(`${scheme}://${authority}`, {
        createConnection: () => socket,
        settings: { enablePush: false },
      });
      destroy = () => session.destroy();
      session.on('error', (error) => end(http2Failure(error)));
      session.on('close', () => end(failed('the server hung up')));
      const stream = session.request({
        [constants.HTTP2_HEADER_METHOD]: 'POST',
        [constants.HTTP2_HEADER_PATH]: '/grpc.health.v1.Health/Check',
        'content-type': 'application/grpc',
        te: 'trailers',
        'user-agent': 'weir-check',
      });
      let answer = Buffer.alloc(0);
      let status: string | undefined;
      const learn = (headers: Record<string, unknown>) => {
        if (headers['grpc-status'] !== undefined) status = String(headers['grpc-status']);
      };
      stream.on('error', (error) => end(http2Failure(error)));
      stream.on('response', (headers) => {
        if (headers[':status'] !== 200) end(failed(`the answer is not gRPC: status ${headers[':status']}`));
        learn(headers);
      });
      stream.on('trailers', learn);
      stream.on('data', (piece: Buffer) => {
        answer = Buffer.concat([answer, piece]);
        if (answer.length > MAX_ANSWER) end(failed('the answer is too long'));
      });
      stream.on('end', () => end(judge(answer, status, warning)));
      stream.end(encodeRequest(check.grpc_service));
    });
  });
}

function judge(answer: Buffer, status: string | undefined, warning: string | undefined): Outcome {
  if (status !== '0')
    return failed(`grpc status ${status === undefined ? 'missing' : (CODES[status] ?? quoteCode(status))}`);
  const serving = decodeResponse(answer);
  if (serving === undefined) return failed('the answer is no HealthCheckResponse');
  const word = STATUSES[serving] ?? `status ${serving}`;
  return serving === 1 ? passed(word, warning) : failed(word);
}

const quoteCode = (code: string) => (/^\d{1,3}$/.test(code) ? code : 'unknown');

function http2Failure(error: Error): Outcome {
  const { code = '' } = error as NodeJS.ErrnoException;
  return code.startsWith('ERR_HTTP2') ? failed('the answer is not HTTP/2') : outcomeOf(error);
}

/** A message in its frame: not compressed, its length; then field 1 (service), a string, where it is not empty. */
function encodeRequest(service: string): Buffer {
  const name = Buffer.from(service);
  const field = name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(field.length, 1);
  return Buffer.concat([frame, field]);
}

/** Field 1 (status) of the message in a frame, 0 where it is absent; undefined for what is no such message. */
export function decodeResponse(answer: Uint8Array): number | undefined {
  if (answer.length < 5 || answer[0] !== 0) return undefined;
  const length = new DataView(answer.buffer, answer.byteOffset).getUint32(1);
  if (answer.length !== 5 + length) return undefined;
  if (length === 0) return 0;
  return length === 2 && answer[5] === 0x08 && answer[6]! < 0x80 ? answer[6] : undefined;
}

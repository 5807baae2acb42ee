/**
 * A gRPC health server for the lab, in the clear and over TLS. Usage: grpc-server.ts PORT TLS_PORT CERT KEY, then lines on standard
 * input: `good`, `lying` (NOT_SERVING), `slow` (answers after 10 s). Each is answered by the same line when it holds.
 */
import { readFileSync } from 'node:fs';
import { createSecureServer, createServer, type ServerHttp2Stream } from 'node:http2';
import { createInterface } from 'node:readline';

const SLOW_MS = 10_000;
const [port, tlsPort, certFile, keyFile] = process.argv.slice(2) as [string, string, string, string];
let mode = 'good';

/** HealthCheckResponse: field 1 is the status, 1 SERVING or 2 NOT_SERVING, in gRPC's frame. */
function answer(stream: ServerHttp2Stream): void {
  if (stream.destroyed) return;
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(Buffer.from([0, 0, 0, 0, 2, 8, mode === 'lying' ? 2 : 1]));
}

function serve(stream: ServerHttp2Stream): void {
  stream.on('error', () => {});
  stream.resume();
  stream.on('end', () => {
    if (mode === 'slow') setTimeout(() => answer(stream), SLOW_MS).unref();
    else answer(stream);
  });
}

createServer().on('stream', serve).listen(Number(port));
createSecureServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) })
  .on('stream', serve)
  .on('sessionError', () => {})
  .on('tlsClientError', () => {})
  .listen(Number(tlsPort));

process.on('SIGTERM', () => process.exit(0));
for await (const line of createInterface({ input: process.stdin })) {
  mode = line;
  console.log(line);
}

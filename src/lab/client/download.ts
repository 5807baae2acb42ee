/** Downloads one body and digests it on the way; on request sends one first, as what is to come back. */
import { createHash } from 'node:crypto';
import { request as startRequest } from 'node:http';
import { Readable } from 'node:stream';
import { makePattern } from '../bytes.ts';
import { serverHeader } from '../real-server-http.ts';
import type { ClientContext, DownloadOptions, DownloadResult } from './wire.ts';

/** Downloads; how it failed is part of the result. */
export async function runDownload(options: DownloadOptions, context: ClientContext): Promise<DownloadResult> {
  const { url, send, timeout = 10_000 } = options;
  const digest = createHash('sha256');
  const start = performance.now();
  let bytes = 0;
  let server: string | undefined;
  const timer = setInterval(() => context.tell({ event: 'progress', count: bytes, failed: 0 }), 50);
  const failure = await new Promise<string | undefined>((resolve) => {
    const what =
      send === undefined
        ? { method: 'GET' }
        : { method: 'POST', headers: { 'content-length': String(send) } };
    const request = startRequest(url, { ...what, agent: false, timeout }, (response) => {
      server = response.headers[serverHeader]?.toString();
      response.on('data', (piece: Buffer) => {
        bytes += piece.length;
        digest.update(piece);
      });
      response.on('error', (error) => resolve(error.message));
      response.on('close', () => {
        if (!response.complete) resolve('the body was cut off');
        else if (response.statusCode !== 200) resolve(`status ${response.statusCode}`);
        else resolve(undefined);
      });
    });
    request.on('timeout', () => request.destroy(new Error(`no byte within ${timeout} ms`)));
    request.on('error', (error) => resolve(error.message));
    if (send === undefined) request.end();
    else Readable.from(makePattern()(0, send), { objectMode: false }).pipe(request);
    context.onCommand((command) => {
      if (command === 'stop') request.destroy(new Error('stopped'));
    });
  });
  clearInterval(timer);
  return {
    bytes,
    sha256: digest.digest('hex'),
    seconds: (performance.now() - start) / 1000,
    ...(server === undefined ? {} : { server }),
    ...(failure === undefined ? {} : { failure }),
  };
}

/** Sends HTTP requests and notes who answered and what failed. */
import { Agent, get } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { serverHeader } from '../real-server-http.ts';
import type { ClientContext, RequestsOptions, RequestsResult } from './wire.ts';

const keptSequence = 10_000;
const keptFailures = 100;
/** Milliseconds from which on an answer is slow. */
const slowAnswer = 500;

/** One request: the name of the real server, from its header or else the body. Rejects when it did not end well. */
function requestOnce(url: string, agent: Agent, timeout: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent }, (response) => {
      let body = '';
      response.setEncoding('latin1').on('data', (text: string) => {
        if (body.length < 256) body += text;
      });
      response.on('error', reject);
      response.on('close', () => {
        if (!response.complete) reject(new Error('the body was cut off'));
        else if (response.statusCode !== 200) reject(new Error(`status ${response.statusCode}`));
        else resolve(String(response.headers[serverHeader] ?? body.trim()));
      });
    });
    const timer = setTimeout(() => request.destroy(new Error(`no answer within ${timeout} ms`)), timeout);
    request.on('error', reject).on('close', () => clearTimeout(timer));
  });
}

/** Sends the requests; resolves when all are through, or after a stop when those on the way are. */
export async function runRequests(options: RequestsOptions, context: ClientContext): Promise<RequestsResult> {
  const {
    url,
    count = Number.POSITIVE_INFINITY,
    concurrency = 1,
    keepAlive = false,
    timeout = 5_000,
  } = options;
  const perSecond = options.perSecond ?? (options.count === undefined ? 500 : Number.POSITIVE_INFINITY);
  const byServer: Record<string, number> = {};
  const sequence: string[] = [];
  const failures: string[] = [];
  let started = 0;
  let slowest = 0;
  let slow = 0;
  let completed = 0;
  let failed = 0;
  let stopped = false;
  context.onCommand((command) => {
    stopped ||= command === 'stop';
  });
  const start = performance.now();
  const seconds = (): number => (performance.now() - start) / 1000;
  const timer = setInterval(
    () => context.tell({ event: 'progress', count: completed, failed, byServer }),
    50,
  );

  const requester = async (): Promise<void> => {
    const agent = new Agent({ keepAlive, maxSockets: 1 });
    while (!stopped && started < count) {
      const number = started;
      started += 1;
      const early = number / perSecond - seconds();
      if (early > 0) await wait(early * 1000);
      const begin = performance.now();
      try {
        const server = await requestOnce(url, agent, timeout);
        const took = performance.now() - begin;
        slowest = Math.max(slowest, took / 1000);
        if (took >= slowAnswer) slow += 1;
        completed += 1;
        byServer[server] = (byServer[server] ?? 0) + 1;
        if (sequence.length < keptSequence) sequence.push(server);
      } catch (error) {
        failed += 1;
        const text = error instanceof Error ? error.message : String(error);
        if (failures.length < keptFailures)
          failures.push(`request ${number + 1}, ${seconds().toFixed(3)} s: ${text}`);
      }
    }
    agent.destroy();
  };
  await Promise.all(Array.from({ length: concurrency }, requester));
  clearInterval(timer);
  return { completed, failed, byServer, sequence, failures, seconds: seconds(), slowest, slow };
}

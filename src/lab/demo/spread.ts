/** Sends requests and draws who answered them. */
import { setTimeout as wait } from 'node:timers/promises';
import type { RequestsResult } from '../client/wire.ts';
import type { LabClient } from '../client-api.ts';
import { type Cast, vip } from './cast.ts';
import type { BarLine } from './stage.ts';

/** Enough for whole rounds of small weights, and slowly enough to be watched. */
const count = 120;
const perSecond = 80;
/** Between two drawings, in milliseconds. */
const pause = 100;

function barLines(
  cast: Cast,
  weights: readonly number[],
  byServer: Readonly<Record<string, number>>,
): BarLine[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return cast.lab.servers.map(({ name }, index) => {
    const answers = byServer[name] ?? 0;
    const expected = Math.round((weights[index]! / sum) * 100);
    return {
      label: name,
      share: answers / count,
      text: `${String(answers).padStart(3)}  ${String(Math.round((answers / count) * 100)).padStart(2)} %  (weight ${weights[index]} of ${sum}: ${expected} %)`,
    };
  });
}

/** Sends 120 requests, one connection each, drawing bars; checks that all are answered, and by whom, by the weights. */
export async function showSpread(
  cast: Cast,
  client: LabClient,
  weights: readonly number[],
): Promise<RequestsResult> {
  const { stage, lab } = cast;
  const running = await client.startRequests({ url: `http://${vip}/`, count, perSecond });
  let ended = false;
  const result = running.result.finally(() => {
    ended = true;
  });
  result.catch(() => {});
  stage.bars(barLines(cast, weights, {}), 'first');
  while (!ended) {
    await Promise.race([result, wait(pause)]);
    if (!ended) stage.bars(barLines(cast, weights, running.progress().byServer ?? {}), 'redraw');
  }
  const { completed, failed, byServer, failures } = await result;
  stage.bars(barLines(cast, weights, byServer), 'final');
  stage.check(
    completed === count,
    `${failed} of ${count} requests failed: ${failures.slice(0, 3).join('; ')}`,
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  for (const [index, { name }] of lab.servers.entries()) {
    const answers = byServer[name] ?? 0;
    const due = (count * weights[index]!) / sum;
    // A turn may be lost to a connection that never came about; more than that would be a wrong distribution.
    stage.check(
      Math.abs(answers - due) <= 2,
      `${name} answered ${answers} requests; by its weight it should be ${due}`,
    );
  }
  return result;
}

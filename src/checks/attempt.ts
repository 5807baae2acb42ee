/** One check, once: bounded in time altogether, and not held against the server when this thread was late itself. */
import type { CheckResult } from '../core/health/state.ts';
import type { Check } from '../core/model/check.ts';
import type { Connector } from '../kernel/connector.ts';
import type { Pinger } from '../kernel/pinger.ts';
import type { GroupWatch } from '../kernel/process-group.ts';
import { checkAgent } from './agent.ts';
import { checkDns } from './dns.ts';
import { checkExec } from './exec.ts';
import { checkGrpc } from './grpc.ts';
import { checkHttp } from './http.ts';
import { notMade, type Outcome } from './outcome.ts';
import { checkPing } from './ping.ts';
import { checkSmtp } from './smtp.ts';
import type { Stalls } from './stalls.ts';
import { checkSteps } from './steps.ts';
import { checkTcp } from './tcp.ts';
import { checkUdp } from './udp.ts';

/** How one protocol asks; it ends at the latest when the signal aborts. */
export type Protocol<C extends Check> = (check: C, signal: AbortSignal) => Promise<Outcome>;

type Protocols = { readonly [T in Check['type']]: Protocol<Extract<Check, { type: T }>> };

/** What all checks of a thread share. */
export interface Tools {
  /** Tries TCP connections. */
  readonly connector: Connector;
  readonly pinger: Pinger;
  /** Told of each program that is run. */
  readonly watch: GroupWatch;
}

/** Asks by the check's own protocol. */
export function askBy({ connector, pinger, watch }: Tools): Protocol<Check> {
  const protocols: Protocols = {
    tcp: (check, signal) => checkTcp(check, signal, connector),
    http: checkHttp,
    https: checkHttp,
    steps: checkSteps,
    smtp: checkSmtp,
    udp: checkUdp,
    agent: checkAgent,
    dns: checkDns,
    exec: (check, signal) => checkExec(check, signal, watch),
    grpc: checkGrpc,
    ping: (check, signal) => checkPing(check, signal, pinger),
  };
  return (check, signal) => (protocols[check.type] as Protocol<Check>)(check, signal);
}

/** If the thread was stalled for more than this part of a check's time, no answer in time says nothing. */
const LATE_PART = 0.25;

/** The reason of a check that ran out of time. */
class TimedOut extends Error {
  override readonly name = 'TimedOut';
}

/** Makes one check; never rejects. `cancel` ends it early, and its result is then of no use. */
export async function attempt(
  check: Check,
  by: { readonly ask: Protocol<Check>; readonly stalls: Stalls; readonly cancel: AbortSignal },
): Promise<CheckResult> {
  const begin = performance.now();
  const stalledBefore = by.stalls.total();
  const controller = new AbortController();
  const stop = () => controller.abort(new Error('cancelled'));
  by.cancel.addEventListener('abort', stop);
  const timer = setTimeout(
    // Timers come before sockets in a turn of Node's loop: an answer that is there already is heard first.
    () => setImmediate(() => controller.abort(new TimedOut(`no answer within ${check.timeout} ms`))),
    check.timeout,
  );
  const { outcome, reason, warning, figure, said } = await asked(check, by.ask, controller.signal);
  clearTimeout(timer);
  by.cancel.removeEventListener('abort', stop);
  const tookMs = Math.round(10 * (performance.now() - begin)) / 10;
  const stalled = by.stalls.total() - stalledBefore;
  if (
    outcome === 'failed' &&
    controller.signal.reason instanceof TimedOut &&
    stalled > LATE_PART * check.timeout
  )
    return { outcome: 'void', reason: `the director itself was late by ${Math.round(stalled)} ms`, tookMs };
  return {
    outcome,
    reason,
    tookMs,
    ...(warning !== undefined && { warning }),
    ...(figure !== undefined && { figure }),
    ...(said !== undefined && { said }),
  };
}

/** What a protocol throws is a fault of its own, and must not take the other checks with it. */
async function asked(check: Check, how: Protocol<Check>, signal: AbortSignal): Promise<Outcome> {
  try {
    return await how(check, signal);
  } catch (error) {
    return notMade(`the check itself failed: ${(error as Error).message}`);
  }
}

/** Says what becomes of servers: up, down, held down; in the log, to those who listen, and in the histories. */
import { inEffect } from '../core/health/flap.ts';
import type { ServerHealth } from '../core/health/servers.ts';
import type { Factor } from '../core/weight/effective.ts';
import type { Log } from '../observe/log.ts';
import type { Flapper } from './flaps.ts';
import type { Histories } from './history.ts';

/** How a server stands: by its checks, and by what holds it down. */
export interface Standing {
  readonly own: ServerHealth;
  readonly hold: Factor | undefined;
}

/** Where it is said. */
export interface Told {
  readonly log: Log;
  readonly histories: Histories;
}

/**
 * Says what has become of a server; `check` is what it is down by. While a server is held down its own ups and downs are not
 * told: they change nothing. Returns whether it has come back.
 */
export function tellTurn(
  { log, histories }: Told,
  { service, server }: Flapper,
  before: Standing,
  after: Standing,
  check: string | undefined,
): boolean {
  const at = new Date().toISOString();
  const was = inEffect(before.own, before.hold);
  const is = inEffect(after.own, after.hold);
  if (is.verdict === 'up' && was.verdict === 'down') {
    const reason =
      after.hold?.reason ??
      (before.hold === undefined ? is.reason : `${is.reason}, and it is no longer held down`);
    histories.record(service, server, { at, to: 'up', reason });
    log.info('server_up', { service, server, reason });
    return true;
  }
  const { own, hold } = after;
  if (own.verdict === 'down' && own.checked && (was.verdict === 'up' || !was.checked)) {
    histories.record(service, server, { at, to: 'down', reason: `${own.reason} (${check})` });
    log.warn('server_down', { service, server, reason: own.reason, check });
  }
  if (hold?.value === 0 && before.hold?.value !== 0) {
    histories.record(service, server, { at, to: 'held', reason: hold.reason });
    log.warn('server_held', { service, server, reason: hold.reason });
  }
  return false;
}

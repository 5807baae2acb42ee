/** The tcp check: is a connection accepted? */
import type { TcpCheck } from '../core/model/check.ts';
import type { Connector } from '../kernel/connector.ts';
import { type Outcome, outcomeOf, passed } from './outcome.ts';

/** Connects and closes; ends when it is connected, or fails, or `signal` aborts (then with whatever came of that). */
export function checkTcp(check: TcpCheck, signal: AbortSignal, connector: Connector): Promise<Outcome> {
  return new Promise((resolve) => {
    const giveUp = connector.begin(check, check.source, (error) => {
      signal.removeEventListener('abort', abort);
      resolve(error === undefined ? passed('connected') : outcomeOf(error));
    });
    const abort = () => {
      giveUp();
      resolve(outcomeOf(signal.reason));
    };
    signal.addEventListener('abort', abort, { once: true });
  });
}

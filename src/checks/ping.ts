/** The ping check: is an ICMP echo request answered? */
import type { PingCheck } from '../core/model/check.ts';
import { KernelError } from '../kernel/errors.ts';
import type { Pinger } from '../kernel/pinger.ts';
import { notMade, type Outcome, outcomeOf, passed } from './outcome.ts';

/** Asks once; ends with the reply, an error that is sent in place of one, or when `signal` aborts. */
export function checkPing(
  check: PingCheck,
  signal: AbortSignal,
  pinger: Pick<Pinger, 'begin'>,
): Promise<Outcome> {
  return new Promise((resolve) => {
    let giveUp = () => {};
    const abort = () => {
      giveUp();
      resolve(outcomeOf(signal.reason));
    };
    try {
      giveUp = pinger.begin(check, (error) => {
        signal.removeEventListener('abort', abort);
        resolve(error === undefined ? passed('answered') : outcomeOf(error));
      });
      signal.addEventListener('abort', abort, { once: true });
    } catch (error) {
      resolve(mayNot(error) ? notMade(MAY_NOT) : outcomeOf(error));
    }
  });
}

const MAY_NOT =
  'the director may not ping: it has no CAP_NET_RAW, and its group is not in net.ipv4.ping_group_range';
const mayNot = (error: unknown) =>
  error instanceof KernelError &&
  error.call === 'socket' &&
  (error.code === 'EPERM' || error.code === 'EACCES');

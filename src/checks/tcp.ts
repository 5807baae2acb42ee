/** The tcp check: is a connection accepted? */
import { connect } from 'node:net';
import type { TcpCheck } from '../core/model/check.ts';
import { type Outcome, outcomeOf, passed } from './outcome.ts';

/** Connects and closes; ends when it is connected, or fails, or `signal` aborts (then with whatever came of that). */
export function checkTcp(check: TcpCheck, signal: AbortSignal): Promise<Outcome> {
  return new Promise((resolve) => {
    const { address: host, port, source } = check;
    const socket = connect({ host, port, ...(source && { localAddress: source }) });
    const end = (outcome: Outcome) => {
      signal.removeEventListener('abort', abort);
      socket.destroy();
      resolve(outcome);
    };
    const abort = () => end(outcomeOf(signal.reason));
    signal.addEventListener('abort', abort);
    socket.on('connect', () => end(passed('connected')));
    // Stays until the end: an error that comes after `destroy` is nobody's.
    socket.on('error', (error) => end(outcomeOf(error)));
  });
}

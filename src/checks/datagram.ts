/** One question and its answer by datagrams, on a socket that hears nobody else. */
import { createSocket } from 'node:dgram';
import { type Address, type Endpoint, familyOf } from '../core/address/address.ts';
import { type Outcome, outcomeOf } from './outcome.ts';

/** Sends `payload`, and gives each datagram that comes back to `judge` until that has an outcome, or throws; `silence` is what it means when none comes. */
export function exchangeDatagrams(
  { address, port, source }: Endpoint & { readonly source?: Address },
  signal: AbortSignal,
  {
    payload,
    judge,
    silence,
  }: {
    readonly payload: Uint8Array;
    readonly judge: (datagram: Buffer) => Outcome | undefined;
    readonly silence?: () => Outcome;
  },
): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = createSocket(familyOf(address) === 6 ? 'udp6' : 'udp4');
    let ended = false;
    const end = (outcome: Outcome) => {
      if (ended) return;
      ended = true;
      signal.removeEventListener('abort', abort);
      socket.close();
      resolve(outcome);
    };
    const abort = () => end(silence?.() ?? outcomeOf(signal.reason));
    signal.addEventListener('abort', abort);
    // A refusal (ICMP port unreachable) comes as an error of a connected socket (udp(7)).
    socket.on('error', (error) => end(outcomeOf(error)));
    socket.on('message', (datagram) => {
      if (ended) return;
      try {
        const outcome = judge(datagram);
        if (outcome !== undefined) end(outcome);
      } catch (error) {
        end(outcomeOf(error));
      }
    });
    // A port of the kernel's choice; connected, it takes datagrams from that server alone.
    socket.bind({ port: 0, ...(source && { address: source }) }, () => {
      if (ended) return;
      socket.connect(port, address, (error?: Error) => {
        if (error) return end(outcomeOf(error));
        if (ended) return;
        socket.send(payload, (failure) => {
          if (failure) end(outcomeOf(failure));
        });
      });
    });
  });
}

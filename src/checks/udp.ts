/** The udp check: is a datagram answered as expected, or at least not refused? */
import type { UdpCheck } from '../core/model/check.ts';
import { exchangeDatagrams } from './datagram.ts';
import { failed, type Outcome, passed } from './outcome.ts';
import { quoteHeard } from './quote.ts';
import { matchEnd } from './steps.ts';

/** Asks once; ends with the right answer, a refusal, or when `signal` aborts. Other answers are passed over. */
export function checkUdp(check: UdpCheck, signal: AbortSignal): Promise<Outcome> {
  const { send = '', expect, regex } = check;
  const payload = Buffer.from(send, 'latin1');
  if (expect === undefined && regex === undefined)
    return exchangeDatagrams(check, signal, {
      payload,
      judge: () => passed('answered'),
      silence: () => passed('not refused'),
    });
  const end = matchEnd(check);
  let other: string | undefined;
  return exchangeDatagrams(check, signal, {
    payload,
    judge: (datagram) => {
      const heard = datagram.toString('latin1');
      if (end(heard, true) >= 0) return passed('answered as expected');
      other = heard;
      return undefined;
    },
    silence: () => {
      const said = other === undefined ? '' : `; it said ${quoteHeard(other, send)}`;
      return failed(
        `${other === undefined ? 'no answer' : 'no right answer'} within ${check.timeout} ms${said}`,
      );
    },
  });
}

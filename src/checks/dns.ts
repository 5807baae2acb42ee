/** The dns check: is a question answered as expected? */
import { randomInt } from 'node:crypto';
import { encodeQuestion, readAnswer } from '../core/dns/message.ts';
import type { DnsCheck } from '../core/model/check.ts';
import { DNS_RCODES, DNS_RECORDS } from '../core/model/check-protocols.ts';
import { exchangeDatagrams } from './datagram.ts';
import { failed, type Outcome, passed } from './outcome.ts';

/** Asks once, by UDP; ends with an answer to its question, a refusal, or when `signal` aborts. What is no such answer is passed over. */
export function checkDns(check: DnsCheck, signal: AbortSignal): Promise<Outcome> {
  // Nobody who does not see the question can know the number, nor the port that the kernel chooses.
  const question = { id: randomInt(65_536), name: check.name, type: DNS_RECORDS[check.record] };
  return exchangeDatagrams(check, signal, {
    payload: encodeQuestion(question),
    judge: (datagram) => {
      const answer = readAnswer(datagram, question);
      if (answer === undefined) return undefined;
      if (answer === 'broken') return failed('the answer is broken');
      const rcode = DNS_RCODES[answer.rcode] ?? `rcode ${answer.rcode}`;
      if (rcode !== check.rcode) return failed(`${rcode}, not ${check.rcode}`);
      if (check.rcode !== 'noerror') return passed(rcode);
      if (answer.records === 0) return failed(`no ${check.record} record in the answer`);
      if (check.answer !== undefined && !answer.addresses.some((one) => one === check.answer))
        return failed(`${check.answer} is not in the answer`);
      return passed(answer.records === 1 ? '1 record' : `${answer.records} records`);
    },
  });
}

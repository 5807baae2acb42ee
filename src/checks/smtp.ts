/** The smtp check: does a mail server greet, answer EHLO and say goodbye (RFC 5321)? */
import type { SmtpCheck } from '../core/model/check.ts';
import { type AnswerEnd, brokenOff, converse } from './converse.ts';
import { failed, type Outcome, passed } from './outcome.ts';

/** A reply: lines with the same code, all but the last with a hyphen after it (RFC 5321, 4.2.1). */
const REPLY = /^(?:\d{3}-[^\n]*\n)*\d{3}(?: [^\n]*)?\r?\n/;
/** Whole lines that can begin a reply. */
const BEGINNING = /^(?:\d{3}-[^\n]*\n)*\d{0,3}/;

/** Where a reply ends, or what is none: a line that no reply has is one for the one who judges. */
const replyEnd: AnswerEnd = (heard) => {
  const reply = REPLY.exec(heard);
  if (reply !== null) return reply[0].length;
  const rest = heard.slice(BEGINNING.exec(heard)?.[0].length ?? 0);
  return rest.includes('\n') ? heard.length : -1;
};

/** Talks with the server; ends when all is said, with a reply that is not 2xx, or when `signal` aborts. */
export function checkSmtp(check: SmtpCheck, signal: AbortSignal): Promise<Outcome> {
  return converse(check, signal, async (server) => {
    const name = check.helo_name ?? addressLiteral(server.ownAddress);
    let code = '';
    for (const command of ['', `EHLO ${name}`, 'QUIT']) {
      const to = command === '' ? 'the connection' : command.slice(0, 4);
      if (command !== '') server.say(`${command}\r\n`);
      try {
        const reply = await server.hear(replyEnd);
        const last = reply.trimEnd().split('\n').at(-1) ?? '';
        if (!REPLY.test(reply)) return failed('the answer is not SMTP');
        if (!last.startsWith('2')) return failed(`${last.slice(0, 3)} in answer to ${to}`);
        if (command === '') code = last.slice(0, 3);
      } catch (error) {
        return brokenOff(error, `in answer to ${to}`);
      }
    }
    return passed(`greets with ${code}`, server.warning);
  });
}

/** RFC 5321, 4.1.3. */
const addressLiteral = (address: string) => (address.includes(':') ? `[IPv6:${address}]` : `[${address}]`);

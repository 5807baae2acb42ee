/** The agent check: what does an agent on the server say of it? */
import { parseAgentLine } from '../core/health/agent.ts';
import type { AgentCheck } from '../core/model/check.ts';
import { type AnswerEnd, converse } from './converse.ts';
import { agentSaid, failed, notMade, type Outcome } from './outcome.ts';
import { quoteHeard } from './quote.ts';

/** The first line, with or without an end. */
const lineEnd: AnswerEnd = (heard, ended) => {
  const end = /[\r\n]/.exec(heard);
  if (end !== null) return end.index + 1;
  return ended && heard !== '' ? heard.length : -1;
};

/**
 * Asks once; ends with the agent's line, a failure, or when `signal` aborts. With feedback an agent that cannot be heard says
 * nothing of the server, as in HAProxy; without, it fails.
 */
export async function checkAgent(check: AgentCheck, signal: AbortSignal): Promise<Outcome> {
  let heard = false;
  const outcome = await converse(check, signal, async (agent) => {
    if (check.send !== undefined) agent.say(check.send);
    const line = await agent.hear(lineEnd);
    const answer = parseAgentLine(line);
    if (answer === undefined)
      return failed(`the agent's words are not known: ${quoteHeard(line.trim(), check.send ?? '')}`);
    heard = true;
    return agentSaid(answer);
  });
  if (check.feedback === undefined || heard || outcome.outcome !== 'failed') return outcome;
  return notMade(outcome.reason);
}

/** What agents have said, over a reload that changes how they are asked. */
import { formatEndpoint } from '../address/address.ts';
import type { Check, CheckKey } from '../model/check.ts';
import type { AgentKept } from './agent.ts';
import type { CheckStates, Watch } from './servers.ts';

/**
 * For each agent check that `after` adds, what the same agent, at the same address and asked by the same words, has said that
 * still holds: who is in `maint` is not let in because its interval is another one now.
 */
export function agentWords(
  before: Pick<Watch, 'checks'>,
  after: Pick<Watch, 'checks'>,
  states: CheckStates,
): ReadonlyMap<CheckKey, AgentKept> {
  const said = new Map<string, AgentKept>();
  for (const [key, check] of before.checks) {
    const agent = states.get(key)?.agent;
    const name = nameOf(check);
    if (agent !== undefined && name !== undefined) said.set(name, agent);
  }
  const words = new Map<CheckKey, AgentKept>();
  if (said.size === 0) return words;
  for (const [key, check] of after.checks) {
    const name = before.checks.has(key) ? undefined : nameOf(check);
    const agent = name === undefined ? undefined : said.get(name);
    if (agent !== undefined) words.set(key, agent);
  }
  return words;
}

const nameOf = (check: Check): string | undefined =>
  check.type === 'agent' ? JSON.stringify([formatEndpoint(check), check.send]) : undefined;

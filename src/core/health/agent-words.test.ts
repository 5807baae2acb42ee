import { expect, it } from 'vitest';
import { parseEndpoint } from '../address/address.ts';
import { type Check, checkKey } from '../model/check.ts';
import { agentWords } from './agent-words.ts';
import { freshState } from './state.ts';

const agent = (more: Partial<Extract<Check, { type: 'agent' }>> = {}): Check => ({
  type: 'agent',
  ...parseEndpoint('192.168.1.101:9999')!,
  interval: 5_000,
  timeout: 1_000,
  rise: 2,
  fall: 3,
  ...more,
});
const checks = (...list: readonly Check[]) => ({ checks: new Map(list.map((one) => [checkKey(one), one])) });

it('outlives a change of how the agent is asked, and of nothing else', () => {
  const old = agent();
  const states = new Map([[checkKey(old), { ...freshState(0), agent: { admin: 'maint' } as const }]]);
  const slower = agent({ interval: 9_000 });
  const others = [agent({ port: 9998 }), agent({ send: 'web' })];
  const words = agentWords(checks(old), checks(slower, ...others), states);
  expect([...words]).toEqual([[checkKey(slower), { admin: 'maint' }]]);
  // One that stays has its own state.
  expect(agentWords(checks(old), checks(old), states).size).toBe(0);
});

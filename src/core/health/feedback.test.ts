import { expect, it } from 'vitest';
import type { CheckKey } from '../model/check.ts';
import type { FeedbackState } from '../weight/feedback.ts';
import { feedbackFactor } from './feedback.ts';
import { healthOf } from './servers.ts';
import { advance, type CheckState, freshState } from './state.ts';

const RULE = { rise: 2, fall: 3, feedback: { floor: 10, ceiling: 100, smoothing: 0 } };
const base: FeedbackState = { value: 100, at: 0, share: 100, silent: 0, stale: false };
const silent = { outcome: 'void', reason: 'no answer within 50 ms', tookMs: 50 } as const;

/** What the feedback of checks in these states makes of a weight. */
function factor(...of: readonly (Partial<FeedbackState> | undefined)[]) {
  const states = new Map(
    of.map((part, i): [CheckKey, CheckState] => [
      String(i) as CheckKey,
      { ...freshState(0), ...(part && { feedback: { ...base, ...part } }), last: { ...silent, at: 0 } },
    ]),
  );
  const found = feedbackFactor({ checks: [...states.keys()] }, states);
  return found && [found.value, found.reason];
}

it('is the least of what the checks of a server say, and words tell which', () => {
  expect(factor(undefined)).toBeUndefined();
  expect(factor({})).toBeUndefined();
  expect(factor({ heard: 25, share: 25 })).toEqual([0.25, 'it asks for 25% of its weight']);
  expect(factor({ heard: 3, share: 10 }, { heard: 50, share: 50 })).toEqual([
    0.1,
    'it asks for 3% of its weight, and gets 10%',
  ]);
  const why = 'its feedback is stale, so its configured weight counts: no answer within 50 ms';
  expect(factor({ heard: 25, stale: true })).toEqual([1, why]);
  expect(factor({ stale: true }, { heard: 50, share: 50 })).toEqual([0.5, 'it asks for 50% of its weight']);
});

it('is no verdict: a server whose agent has never answered is up by its other checks', () => {
  let agent = freshState(0);
  const [http, own] = ['http', 'agent'] as CheckKey[];
  const watched = { checks: [http!, own!], initial: 'down' } as const;
  const health = () =>
    healthOf(
      watched,
      new Map([
        [http!, { ...freshState(0), verdict: 'up' }],
        [own!, agent],
      ]),
    );
  for (let i = 1; i < 3; i++) {
    agent = advance(agent, silent, RULE, i);
    expect(health()).toMatchObject({ verdict: 'down', checked: false });
  }
  agent = advance(agent, silent, RULE, 3);
  expect(health()).toMatchObject({ verdict: 'up', checked: true, reason: 'its check passes' });
  // Alone it says nothing.
  expect(healthOf({ checks: [own!], initial: 'down' }, new Map([[own!, agent]]))).toMatchObject({
    verdict: 'down',
    checked: false,
  });
});

it('outlives a word against the server, and a check without it has none', () => {
  let state = advance(freshState(0), { outcome: 'passed', reason: '', tookMs: 1, figure: 40 }, RULE, 0);
  for (let i = 1; i < 4; i++) state = advance(state, { outcome: 'failed', reason: '', tookMs: 1 }, RULE, i);
  expect(state).toMatchObject({ verdict: 'down', feedback: { share: 40, silent: 0 } });
  expect(advance(freshState(0), silent, { rise: 2, fall: 3 }, 0)).not.toHaveProperty('feedback');
});

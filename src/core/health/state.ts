/**
 * One check's state: how many results in a row it takes until the verdict changes. Time is passed in; what was late, or
 * could not be asked at all, says nothing about the server.
 */
import type { RiseFall } from '../model/check.ts';
import type { FeedbackRule } from '../model/check-protocols.ts';
import { type FeedbackState, withFigure, withoutFigure, withSilence } from '../weight/feedback.ts';
import { type AgentAnswer, type AgentKept, figureOf, judgeAgent, keepAnswer } from './agent.ts';

/** `unknown` until the first result that decides. */
export type CheckVerdict = 'unknown' | 'up' | 'down';

/**
 * What came of asking once. `void` is neither good nor bad: the answer came when this machine was late itself, or it
 * could not ask (no free port, its own address gone).
 */
export interface CheckResult {
  readonly outcome: 'passed' | 'failed' | 'void';
  /** Why, in a few words for people. */
  readonly reason: string;
  /** How long it took, in milliseconds. */
  readonly tookMs: number;
  /** What somebody should look at although the check passes; only of one that passes. */
  readonly warning?: string;
  /** How much of its weight the server asks for, in percent from 0 on; only of one that passes. */
  readonly figure?: number;
  /** What an agent says. The outcome is then that of the words alone, and what counts is what they come to after those before. */
  readonly said?: AgentAnswer;
}

/** What is known by a check. */
export interface CheckState {
  readonly verdict: CheckVerdict;
  /** Results in a row that speak against the verdict; while it is `unknown`, failed ones. Less than what would change it. */
  readonly against: number;
  /** Since when the verdict holds, in milliseconds of the clock that is passed in. */
  readonly since: number;
  /** The result that the verdict came from; absent while it is `unknown`. */
  readonly decided?: CheckResult;
  /** The latest result, and when it came. */
  readonly last?: CheckResult & { readonly at: number };
  /** That of the latest result that passed. */
  readonly warning?: string;
  /** Only of a check with feedback, from its first result on. */
  readonly feedback?: FeedbackState;
  /** Only of an agent check, from its first answer on: what the agent has said that still holds. */
  readonly agent?: AgentKept;
}

/** What changes a verdict, and what becomes of the server's figures, where it gives any. */
export interface AdvanceRule extends RiseFall {
  readonly feedback?: FeedbackRule;
}

/** Before the first result. */
export const freshState = (now: number): CheckState => ({ verdict: 'unknown', against: 0, since: now });

/**
 * The state after one more result. `up` becomes `down` by `fall` failures in a row, `down` becomes `up` by `rise`
 * passes in a row. What is `unknown` is `up` by its first pass and `down` by `fall` failures: a director that has just
 * started neither keeps good servers waiting nor drops one for a single lost packet.
 */
export function advance(before: CheckState, heard: CheckResult, rule: AdvanceRule, now: number): CheckState {
  const agent = heard.said === undefined ? before.agent : keepAnswer(before.agent ?? {}, heard.said);
  const result = judged(heard, agent, rule);
  const state = { ...advanceVerdict(before, result, rule, now), ...(agent !== undefined && { agent }) };
  if (rule.feedback === undefined) return state;
  const feedback = advanceFeedback(before.feedback, result, rule.feedback, rule.fall, now);
  if (!feedback.stale || agent?.percent === undefined) return { ...state, feedback };
  // A percentage that is stale does not come back by an answer without one.
  const { percent: _, ...rest } = agent;
  return { ...state, feedback, agent: rest };
}

/** What an agent's words come to by what holds now; with feedback to drain is no failure. */
function judged({ said, ...result }: CheckResult, kept: AgentKept = {}, rule: AdvanceRule): CheckResult {
  if (said === undefined) return result;
  const { up, reason } = judgeAgent(said, kept);
  const figure = rule.feedback && figureOf(kept);
  if (figure !== undefined) return { ...result, outcome: 'passed', reason, figure };
  return { ...result, outcome: up ? 'passed' : 'failed', reason };
}

/** With feedback `void` is silence, also where this machine could not ask: either way what was heard gets old. */
function advanceFeedback(
  before: FeedbackState | undefined,
  { outcome, figure }: CheckResult,
  rule: FeedbackRule,
  fall: number,
  now: number,
): FeedbackState {
  if (outcome === 'void') return withSilence(before, fall, now);
  return figure === undefined ? withoutFigure(before) : withFigure(before, figure, rule, now);
}

function advanceVerdict(
  before: CheckState,
  result: CheckResult,
  { rise, fall }: RiseFall,
  now: number,
): CheckState {
  const last = { ...result, at: now };
  if (result.outcome === 'void') return { ...before, last };
  const state = result.outcome === 'passed' ? warned(before, result.warning) : before;
  const found = result.outcome === 'passed' ? 'up' : 'down';
  if (found === state.verdict) return { ...state, against: 0, last };
  const needed = found === 'down' ? fall : state.verdict === 'down' ? rise : 1;
  const against = state.against + 1;
  if (against < needed) return { ...state, against, last };
  const { warning } = state;
  return {
    verdict: found,
    against: 0,
    since: now,
    decided: result,
    last,
    ...(warning !== undefined && { warning }),
  };
}

function warned({ warning: _, ...state }: CheckState, warning: string | undefined): CheckState {
  return warning === undefined ? state : { ...state, warning };
}

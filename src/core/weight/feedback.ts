/**
 * Feedback: what a server says of itself decides how much of its configured weight it gets. What is heard is smoothed, kept
 * between a floor and a ceiling, and takes effect in steps, so that a figure that trembles does not move weights all the time.
 * Time is passed in.
 */
import type { FeedbackRule } from '../model/check-protocols.ts';

/** A change of less than so many percent waits until the figure has settled. */
export const FEEDBACK_STEP = 5;
/** What is in effect holds for so long at least, in milliseconds. */
export const FEEDBACK_PAUSE_MS = 1_000;
/** All of the configured weight, in percent. */
const WHOLE = 100;

/** What is known of a server by its feedback. Figures are in percent of its configured weight. */
export interface FeedbackState {
  /** What was heard last; absent until the first figure. */
  readonly heard?: number;
  /** What was heard, smoothed, 0 – 100. */
  readonly value: number;
  /** When `value` was that, in milliseconds. */
  readonly at: number;
  /** What is in effect, 0 – 100, a whole number. */
  readonly share: number;
  /** Since when, in milliseconds; absent until the first change. */
  readonly since?: number;
  /** How often in a row no answer came. */
  readonly silent: number;
  /** Whether too many answers are missing for the figure to count: the configured weight is in effect. */
  readonly stale: boolean;
}

const UNHEARD: FeedbackState = { value: WHOLE, at: 0, share: WHOLE, silent: 0, stale: false };

/**
 * After a figure. The first one, one after silence, and 0 count at once; towards others the value moves exponentially, by
 * 63 % of the way in the time of smoothing. Only 0 makes the share 0.
 */
export function withFigure(
  before: FeedbackState = UNHEARD,
  figure: number,
  rule: FeedbackRule,
  now: number,
): FeedbackState {
  const target = figure <= 0 ? 0 : Math.min(rule.ceiling, Math.max(rule.floor, figure));
  const isFirst = before.heard === undefined || before.stale;
  const atOnce = isFirst || target === 0 || rule.smoothing === 0;
  const left = atOnce ? 0 : Math.exp(-Math.max(0, now - before.at) / rule.smoothing);
  const value = target + (before.value - target) * left;
  const next = { ...before, heard: figure, value, at: now, silent: 0 };
  if (!mayChange(before, now)) return next;
  const share = target === 0 ? 0 : Math.min(rule.ceiling, Math.max(rule.floor, Math.round(value)));
  const isSettled = before.heard === figure && share === Math.round(target);
  const isEnd = [0, rule.floor, rule.ceiling].includes(share) || before.share === 0;
  const isChange = share !== before.share;
  if (isFirst || (isChange && (isSettled || isEnd || Math.abs(share - before.share) >= FEEDBACK_STEP)))
    return { ...next, share, stale: false, ...(isChange && { since: now }) };
  return next;
}

/** After no answer: with `most` of them in a row what was heard is stale, and the whole weight is in effect. */
export function withSilence(before: FeedbackState = UNHEARD, most: number, now: number): FeedbackState {
  const silent = Math.min(most, before.silent + 1);
  if (before.stale || silent < most || !mayChange(before, now)) return { ...before, silent };
  return { ...before, silent, stale: true, share: WHOLE, since: now };
}

/** After an answer without a figure, such as that the server is down: what was heard stays as it was. */
export const withoutFigure = (before: FeedbackState = UNHEARD): FeedbackState => ({ ...before, silent: 0 });

/** A clock that was set back keeps nobody waiting. */
const mayChange = ({ since }: FeedbackState, now: number): boolean =>
  since === undefined || now < since || now - since >= FEEDBACK_PAUSE_MS;

/** Whether two states differ in what is in effect. */
export const sameInEffect = (a: FeedbackState | undefined, b: FeedbackState | undefined): boolean =>
  (a?.share ?? WHOLE) === (b?.share ?? WHOLE) && (a?.stale ?? false) === (b?.stale ?? false);

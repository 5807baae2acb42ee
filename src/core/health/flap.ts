/**
 * Flap damping of one server: who goes down again and again is held down until it has been calm. BGP damps routes with the same
 * intent (RFC 2439); here the rule is a count in a window rather than a penalty that decays. Time is passed in.
 */
import type { FlapRule } from '../model/check.ts';
import type { ServiceKey } from '../model/service.ts';
import { formatDuration } from '../plan/explain.ts';
import type { Factor } from '../weight/effective.ts';
import type { ServerHealth } from './servers.ts';

/** The most times of going down that are remembered of a server. */
export const KEPT_DOWNS = 99;

/** What is remembered of a server. */
export interface FlapState {
  /** When it went down, in milliseconds, the oldest first; those within the rule's time and KEPT_DOWNS at most. */
  readonly downs: readonly number[];
  /** Whether it is held down. */
  readonly held: boolean;
  /** Since when its checks pass; absent while they do not. */
  readonly upSince?: number;
}

/** What keeps servers out that are held, or, by the value 1, does not; by service and endpoint in text. */
export type Holds = ReadonlyMap<ServiceKey, ReadonlyMap<string, Factor>>;

export const NO_HOLDS: Holds = new Map();

/** What a server's health comes to by what holds it down although its checks pass. */
export const inEffect = (own: ServerHealth, hold: Factor | undefined): ServerHealth =>
  own.verdict === 'up' && hold?.value === 0 ? { verdict: 'down', checked: true, reason: hold.reason } : own;

/** Of a server that has never gone down. */
export const STEADY: FlapState = { downs: [], held: false };

/** After its checks have brought it down. */
export function wentDown(before: FlapState, { downs: most, within }: FlapRule, now: number): FlapState {
  const downs = [...before.downs.filter((at) => isWithin(at, within, now)), now].slice(-KEPT_DOWNS);
  return { downs, held: before.held || downs.length >= most };
}

/** After its checks have brought it up. */
export const wentUp = (before: FlapState, now: number): FlapState => ({ ...before, upSince: now });

/** At a later time: a hold is over once the server has been up for long enough, and what is long past is forgotten. */
export function atTime(before: FlapState, rule: FlapRule, now: number): FlapState {
  const downs = before.downs.filter((at) => isWithin(at, rule.within, now));
  const end = holdEnds(before, rule);
  // A clock that was set back keeps nobody waiting.
  const isOver = end !== undefined && (now >= end || now < end - rule.calm);
  return { ...before, downs, held: before.held && !isOver };
}

/** When a hold ends if the server stays up; undefined where there is none, or the server is not up. */
export const holdEnds = ({ held, upSince }: FlapState, { calm }: FlapRule): number | undefined =>
  held && upSince !== undefined ? upSince + calm : undefined;

const isWithin = (at: number, within: number, now: number): boolean => at <= now && now - at < within;

/** `went down 5 times in 2m` */
const timesText = ({ downs }: FlapState, { within }: FlapRule, now: number): string => {
  const count = downs.filter((at) => isWithin(at, within, now)).length;
  // Who is held for longer than that has been calm, or almost.
  return count < 2 ? 'went down again and again' : `went down ${count} times in ${formatDuration(within)}`;
};

/** Why a server is held, for people; `needed` says why it has its weight all the same. */
export function holdText(state: FlapState, rule: FlapRule, now: number, needed?: string): string {
  const times = timesText(state, rule, now);
  if (needed !== undefined) return `${times}, but is needed: ${needed}`;
  const end = holdEnds(state, rule);
  if (end === undefined)
    return `held down: ${times}; back once it has been up for ${formatDuration(rule.calm)}`;
  // To the second, and never "in 0s".
  const left = Math.max(1_000, 1_000 * Math.ceil((end - now) / 1_000));
  return `held down: ${times}; back in ${formatDuration(left)} if it stays up`;
}

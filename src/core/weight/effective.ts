/** Weights in effect: the configured weight times factors, each with the reason for it. */
import { MAX_WEIGHT } from '../model/service.ts';

/** Where factors come from. */
export const FACTORS = ['health', 'flap', 'quorum', 'admin', 'slow_start', 'feedback'] as const;
export type FactorName = (typeof FACTORS)[number];

/** One thing that a weight depends on: 0 takes no new connections, 1 leaves the weight as it is. */
export interface Factor {
  readonly name: FactorName;
  /** 0 – 1. */
  readonly value: number;
  /** A few words for people. */
  readonly reason: string;
}

/**
 * The weight in effect, a whole number. 0 stays 0, and a factor of 0 makes it 0; otherwise it is at least 1, so that
 * nobody is taken out by rounding, and never above what is configured.
 */
export function effectiveWeight(configured: number, factors: readonly Factor[]): number {
  // From the least, so that the order of the factors changes nothing, not even the last bit of the product.
  const values = factors.map(({ value }) => value).sort((a, b) => a - b);
  const product = values.reduce((all, value) => all * value, 1);
  if (configured === 0 || values[0] === 0) return 0;
  return Math.min(MAX_WEIGHT, configured, Math.max(1, Math.round(configured * product)));
}

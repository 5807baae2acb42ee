/**
 * wrr: as many turns of a cycle as the weight says.
 *
 * A cycle of up to 4,096 turns is laid out as a ring in ip_vs's order: passes with a required weight that falls from
 * the highest by the greatest common divisor, each taking all who reach it. A longer cycle has no ring: turn n stands
 * for place (n · stride) mod cycle, and the server is the one whose share of the cycle holds that place.
 */
import { eligible, lookOn, type Schedule } from './candidate.ts';

/** The longest cycle that is laid out as a ring, and the longest table of sh, dh and mh; the number is WEIR_MAX_RING in bpf/contract.h. */
export const MAX_RING = 4096;

/** The greatest common divisor of two positive integers. */
export function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** Weights above 0, divided by their greatest common divisor. */
export function reducedWeights(weights: readonly number[]): number[] {
  const divisor = weights.reduce(gcd, 0);
  return weights.map((weight) => weight / divisor);
}

/** One cycle in ip_vs's order, as indices into `weights` (all above 0); undefined if it has more than 4,096 turns. */
export function ringOf(weights: readonly number[]): number[] | undefined {
  const reduced = reducedWeights(weights);
  if (reduced.reduce((sum, weight) => sum + weight, 0) > MAX_RING) return undefined;
  const ring: number[] = [];
  for (let required = Math.max(0, ...reduced); required > 0; required--)
    reduced.forEach((weight, index) => {
      if (weight >= required) ring.push(index);
    });
  return ring;
}

/**
 * How far apart in a cycle of `cycle` places two turns in a row lie: near the golden section, so that the turns of
 * one server spread evenly, and coprime to the cycle, so that every place comes up once. 1 for cycles of 1 and 2.
 */
export function strideOf(cycle: number): number {
  let stride = Math.max(1, Math.floor(cycle * 0.6180339887498949));
  while (gcd(cycle, stride) !== 1) stride--;
  return stride;
}

/** Running sums of the reduced weights: server i holds the places from the sum before it up to its own. */
export function cumulativeWeights(weights: readonly number[]): number[] {
  let sum = 0;
  return reducedWeights(weights).map((weight) => {
    sum += weight;
    return sum;
  });
}

/** Turns that are computed may be too many to look at: so many of them, and then the servers in their order. */
const COMPUTED_LOOKS = 64;

/** Turn `n` of the cycle. */
export const wrr: Schedule = (service) => {
  const { servers, state } = service;
  const able = eligible(servers);
  const weights = able.map((index) => servers[index]!.weight);
  const ring = ringOf(weights);
  if (ring !== undefined) return lookOn(service, ring.length, (turn) => able[ring[turn % ring.length]!]!);
  const shares = cumulativeWeights(weights);
  const cycle = shares.at(-1)!;
  const byStride = (turn: number): number => {
    const place = Number((BigInt(turn % cycle) * BigInt(strideOf(cycle))) % BigInt(cycle));
    return able[shares.findIndex((share) => share > place)]!;
  };
  const found = lookOn(service, COMPUTED_LOOKS, byStride);
  if (found !== undefined) return found;
  const other = able.find((index) => !servers[index]!.overloaded);
  if (other !== undefined) state.turns++;
  return other;
};

/** What the packet path answers for a packet. */
import type { Action, Verdict } from './verdict.ts';
import type { NextHop, World } from './world.ts';

/**
 * What becomes of the packet, and its bytes; `way` is where a REDIRECT goes. Without a way it goes back to the sender as
 * an answer, or to the stack to be cut.
 */
export interface Outcome {
  readonly action: Action;
  readonly frame: Uint8Array;
  readonly way?: NextHop;
}

/** Leaves the packet to the next program and the stack, and counts why. */
export function pass(world: World, why: Verdict, frame: Uint8Array): Outcome {
  world.verdicts[why]++;
  return { action: 'NEXT', frame };
}

/** Drops the packet, and counts why. */
export function drop(world: World, why: Verdict, frame: Uint8Array): Outcome {
  world.verdicts[why]++;
  return { action: 'DROP', frame };
}

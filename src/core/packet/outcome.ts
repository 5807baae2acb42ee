/** What the packet path answers for a packet. */
import type { Action, Verdict } from './verdict.ts';
import type { NextHop, TrackedConnection, World } from './world.ts';

/**
 * What becomes of the packet, and its bytes; `way` is where a REDIRECT goes. Without a way it goes back to the sender as
 * an answer, or to the stack to be cut.
 */
export interface Outcome {
  readonly action: Action;
  readonly frame: Uint8Array;
  readonly way?: NextHop;
  /** The connection that it has been forwarded by, and whether by way of the stack, to be cut. */
  readonly by?: { readonly connection: TrackedConnection; readonly cut: boolean };
  /** Frames that arrive anew at the interface, in this order, in place of the packet: fragments that had to wait. */
  readonly again?: readonly Uint8Array[];
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

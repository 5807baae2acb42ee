/** A plane under test, and the hands that a test needs beside the port: packets, time, and forced states. */
import type { Limits } from '../../src/core/model/config.ts';
import type { Side } from '../../src/core/model/host.ts';
import type { ConnectionState } from '../../src/core/model/state.ts';
import type { Action } from '../../src/core/packet/verdict.ts';
import type { DataPlane } from '../../src/dataplane/port.ts';

/** What became of an IP packet. */
export interface Sent {
  readonly action: Action;
  readonly packet: Uint8Array;
  /** What became of packets that arrived anew in its place, in order: fragments that had waited for it, itself first. */
  readonly again: readonly Sent[];
}

/** A plane whose programs see the packets that a test makes up, at the interfaces of a lab's director. */
export interface Subject {
  readonly plane: DataPlane;
  /** An IP packet comes in by the director's interface of that side. */
  send(side: Side, packet: Uint8Array): Sent;
  /** An IP packet leaves by the director's public interface. */
  leave(packet: Uint8Array): Sent;
  /** Lets connections grow older, in milliseconds. */
  elapse(milliseconds: number): void;
  /** Puts every live connection into a state, as answered by its server; counters are left behind. */
  force(state: ConnectionState): void;
  /** Another plane takes over: this one keeps its connections. */
  takeOver(): void;
  /** Milliseconds within which what packets have done can be read; nothing where it can be read at once. */
  readonly lag?: number;
  close(): void;
}

/** Makes a plane with empty tables. */
export type OpenSubject = (limits: Limits) => Subject;

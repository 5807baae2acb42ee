/** What the capture program says: one JSON object a line. */
import type { Segment } from './segment.ts';

/** A segment with payload, and where it was seen. */
export interface Sighting extends Segment {
  readonly interface: string;
  readonly direction: 'in' | 'out';
}

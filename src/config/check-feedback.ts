/** What a file says of feedback: which part of its weight a server gets by what it asks for. */
import { z } from 'zod';
import {
  DEFAULT_CEILING,
  DEFAULT_FLOOR,
  DEFAULT_SMOOTHING_MS,
  MAX_SMOOTHING_MS,
} from '../core/model/check-protocols.ts';
import { durationBetween, percentField } from './fields.ts';
import { formatDuration } from './units.ts';

/** The bounds and the smoothing of feedback. */
export const feedbackField = z.strictObject({
  floor: percentField
    .prefault(`${DEFAULT_FLOOR}%`)
    .describe(
      'The least part of its weight that a server gets by asking for less; but for 0, which it gets.',
    ),
  ceiling: percentField
    .prefault(`${DEFAULT_CEILING}%`)
    .describe('The most that it gets, whatever it asks for.'),
  smoothing: durationBetween(0, MAX_SMOOTHING_MS)
    .prefault(formatDuration(DEFAULT_SMOOTHING_MS))
    .describe('How slowly its weight follows, 0s to 1h: 63 % of the way to a new figure in this time.'),
});

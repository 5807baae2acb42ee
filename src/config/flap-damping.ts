/** What a file says of flap damping: how often a server may go down in how long, and how long it has to be calm after that. */
import { z } from 'zod';
import {
  DEFAULT_CALM_MS,
  DEFAULT_DOWNS,
  DEFAULT_WITHIN_MS,
  MAX_DOWNS,
  MAX_WITHIN_MS,
} from '../core/model/check.ts';
import { durationBetween, numberField } from './fields.ts';
import { formatDuration } from './units.ts';

/** The rule of flap damping. */
export const flapDampingField = z.strictObject({
  downs: numberField('a number of times', 2, MAX_DOWNS)
    .default(DEFAULT_DOWNS)
    .describe('A server that goes down so often is held down.'),
  within: durationBetween(1_000, MAX_WITHIN_MS)
    .prefault(formatDuration(DEFAULT_WITHIN_MS))
    .describe('In how long that counts, 1s to 1d.'),
  calm: durationBetween(1_000, MAX_WITHIN_MS)
    .prefault(formatDuration(DEFAULT_CALM_MS))
    .describe('How long its checks have to pass, without going down, until it is back, 1s to 1d.'),
});

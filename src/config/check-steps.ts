/** What a check says and what it waits for, as a file has it. */
import { z } from 'zod';
import { MAX_STEPS } from '../core/model/check-protocols.ts';
import { type Read, textField } from './fields.ts';

/** The longest text that a check may send or look for, in characters. */
export const LONGEST_TEXT = 1_024;

/** Bytes, a character each: YAML's escapes in double quotes write those that cannot be typed. May be secret, so it is never repeated. */
export const bytesField = textField(
  {
    noun: 'a text of bytes',
    expected: `1 to ${LONGEST_TEXT.toLocaleString('en')} characters of one byte each; in double quotes "\\r\\n" ends a line and "\\xff" is the byte 255`,
    secret: true,
  },
  (text): Read<string> =>
    text.length >= 1 && text.length <= LONGEST_TEXT && /^[\0-\xff]*$/.test(text) ? { value: text } : {},
);

/** A regular expression. */
export const regexField = textField(
  { noun: 'a regular expression', expected: 'an ECMAScript pattern without slashes around it' },
  (text): Read<string> => {
    if (text.length < 1 || text.length > LONGEST_TEXT) return {};
    try {
      new RegExp(text, 'us');
      return { value: text };
    } catch (error) {
      const why = /: ([^:]+)$/.exec((error as Error).message)?.[1] ?? 'wrong';
      return { message: `is not a regular expression: ${why.toLowerCase()}` };
    }
  },
);

/** The steps of a check. */
export const stepsField = z
  .array(
    z.strictObject({
      send: bytesField
        .optional()
        .describe('What to say first; a character is a byte, as "\\r\\n" or "\\x00".'),
      expect: bytesField.optional().describe('Bytes to wait for, anywhere in what comes.'),
      regex: regexField
        .optional()
        .describe('A regular expression (ECMAScript; "." matches line ends too) to wait for.'),
    }),
  )
  .min(1)
  .max(MAX_STEPS)
  .meta({ noun: 'a list of steps', expected: `a list of 1 to ${MAX_STEPS} steps` });

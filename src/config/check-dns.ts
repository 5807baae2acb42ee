/** What a dns or exec check asks, as a file has it. */
import { z } from 'zod';
import { isDnsName } from '../core/dns/message.ts';
import { type Read, textField } from './fields.ts';

/** The most words of a command, and the longest of them in characters. */
const MAX_WORDS = 64;
const LONGEST_WORD = 4_096;

/** A name to ask for; the dot at its end may be there. */
export const dnsNameField = textField(
  { noun: 'a name in DNS', expected: 'a name such as www.example.com, or "." for the root' },
  (text): Read<string> => {
    const name = text === '.' ? text : text.replace(/\.$/, '');
    return isDnsName(name) ? { value: name } : {};
  },
);

/** A program and its arguments, which may be secret. */
export const commandField = z
  .array(
    textField(
      {
        noun: 'a word of a command',
        expected: `at most ${LONGEST_WORD.toLocaleString('en')} characters`,
        secret: true,
      },
      (text): Read<string> => (text.length <= LONGEST_WORD && !text.includes('\0') ? { value: text } : {}),
    ),
  )
  .min(1)
  .max(MAX_WORDS)
  .refine((words) => words.length === 0 || /^\/./.test(words[0]!), {
    params: { message: 'does not begin with the path of a program' },
  })
  .meta({
    secret: true,
    noun: 'a command',
    expected: 'a list: the absolute path of a program, and its arguments',
  });

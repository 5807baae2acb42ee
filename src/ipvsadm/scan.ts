/**
 * Goes through a command line word by word, with the habits of popt(3): short words run together (`-Ln`), an argument
 * follows at once, after `=` or as the next word, `--` ends the options, what is none is left over.
 */
import { longWord, shortWord, type Word } from './options.ts';

/** What comes next. `at`: the place in the command line, for pointing at it. */
export type Scanned =
  | { readonly kind: 'word'; readonly word: Word; readonly argument?: string; readonly at: number }
  | { readonly kind: 'mistake'; readonly text: string; readonly at: number };

/** Something that is no option. */
export interface Leftover {
  readonly text: string;
  readonly at: number;
}

/** A walk through one command line. */
export interface Scanner {
  /** The next word; undefined at the end. */
  next(): Scanned | undefined;
  /** What has been passed that is no option, in order. */
  readonly leftovers: readonly Leftover[];
  /** The last piece of the command line that was taken, as messages quote it. */
  lastTaken(): string;
}

/** Begins a walk. `argv` is without the program's name. */
export function scanner(argv: readonly string[]): Scanner {
  const leftovers: Leftover[] = [];
  let next = 0;
  /** What is left of short words that run together. */
  let together = '';
  let isOver = false;
  const at = () => next - 1;
  const mistake = (what: string): Scanned => ({
    kind: 'mistake',
    text: `${argv[next - 1]}: ${what}`,
    at: at(),
  });

  function found(word: Word, attached: string | undefined): Scanned {
    if (word.argument === 'none') {
      if (attached !== undefined) return mistake('option does not take an argument');
      return { kind: 'word', word, at: at() };
    }
    if (attached !== undefined) return { kind: 'word', word, argument: attached, at: at() };
    const following = argv[next];
    if (word.argument === 'optional' && (following === undefined || following.startsWith('-')))
      return { kind: 'word', word, at: at() };
    if (following === undefined) return mistake('missing argument');
    next++;
    return { kind: 'word', word, argument: following, at: at() };
  }

  function short(): Scanned {
    const word = shortWord(together[0]!);
    const rest = together.slice(1);
    together = '';
    if (word === undefined) return mistake('unknown option');
    if (word.argument !== 'none' && rest !== '')
      return found(word, rest.startsWith('=') ? rest.slice(1) : rest);
    if (rest.startsWith('=')) return found(word, rest.slice(1));
    together = rest;
    return found(word, undefined);
  }

  function long(text: string): Scanned {
    const end = text.indexOf('=');
    const word = longWord(end < 0 ? text.slice(2) : text.slice(2, end));
    if (word === undefined) return mistake('unknown option');
    return found(word, end < 0 ? undefined : text.slice(end + 1));
  }

  return {
    leftovers,
    lastTaken: () => argv[next - 1] ?? '',
    next() {
      if (together !== '') return short();
      while (next < argv.length) {
        const text = argv[next++]!;
        if (isOver || !text.startsWith('-') || text === '-') leftovers.push({ text, at: at() });
        else if (text === '--') isOver = true;
        else if (text.startsWith('--')) return long(text);
        else {
          together = text.slice(1);
          return short();
        }
      }
      return undefined;
    },
  };
}

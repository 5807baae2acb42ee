/** What a manual page is made of. Texts are of the small Markdown that help, schema and guide are written in. */

/** A part of a section. */
export type Block =
  /** A paragraph. */
  | { readonly text: string }
  /** Lines as they stand, without markup. */
  | { readonly code: readonly string[] }
  /** A heading within the section. */
  | { readonly heading: string }
  /** Terms and what is said of each; `•` is the term of an item of a list. */
  | { readonly terms: readonly Term[] };

export interface Term {
  readonly term: string;
  readonly about: readonly Block[];
}

export interface Section {
  readonly title: string;
  readonly blocks: readonly Block[];
}

export interface Page {
  /** Such as `weir.yaml`, and all other names it is found by. */
  readonly names: readonly [string, ...string[]];
  /** 5 for files, 8 for commands of administrators. */
  readonly section: 5 | 8;
  /** What stands after the name in lists of pages: a few words, no full stop. */
  readonly summary: string;
  /** The version of the program it is of. */
  readonly version: string;
  readonly sections: readonly Section[];
}

/** Where a page is kept, such as `weir.8`. */
export const fileOf = ({ names: [name], section }: Page): string => `${name}.${section}`;

/** Words that stand as they are, whatever is in them. */
export const literal = (text: string): string => `\`${text}\``;

/** A few words as a sentence's end: help and tables leave the full stop out. */
export const ended = (text: string): string => (/[.…]$|^$/.test(text) ? text : `${text}.`);

/** An entry of a term and one paragraph. */
export const term = (name: string, text: string): Term => ({ term: name, about: [{ text: ended(text) }] });

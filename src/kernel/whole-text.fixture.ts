/** Texts that show whether they are whole. */

const LINES = 40_000;

/** The text of a version: its number on many lines, so that writing it takes a while. */
export const wholeText = (version: number): string => `${String(version).padStart(9, '0')}\n`.repeat(LINES);

/** Whose text it is; undefined where it is not all of one. */
export function versionIn(text: string): number | undefined {
  const version = Number.parseInt(text.slice(0, 9), 10);
  return text === wholeText(version) ? version : undefined;
}

/** Texts of checks and servers as reasons repeat them. */

/** The longest text that a reason repeats, in characters. */
const LONGEST_QUOTE = 40;
/** So many characters in a row that were sent are not repeated, as they may be part of a secret. */
const SECRET_RUN = 4;

/** A text of the configuration in quotes, shortened. */
export const quote = (text: string): string =>
  JSON.stringify(text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE - 1)}…` : text);

/** What a server said, in quotes and shortened; without what it repeats of what was sent, and with nothing that a terminal would obey. */
export function quoteHeard(heard: string, sent: string): string {
  const said = sent.toLowerCase();
  const begin = heard.slice(0, 2 * LONGEST_QUOTE);
  const hidden = new Set<number>();
  for (let at = 0; at + SECRET_RUN <= begin.length; at++)
    if (said.includes(begin.slice(at, at + SECRET_RUN).toLowerCase()))
      for (let i = 0; i < SECRET_RUN; i++) hidden.add(at + i);
  const shown = [...begin].map((character, at) => {
    if (hidden.has(at)) return hidden.has(at - 1) ? '' : '***';
    return /[\x20-\x7e]/.test(character) ? character : '.';
  });
  return quote(shown.join('').replace(/\.+$/, ''));
}

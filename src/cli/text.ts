/** Values as people read them, and nothing that a terminal would obey. */

/** Characters that a terminal obeys or that hide others: controls, formats (bidirectional overrides too), line separators. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** One line of text from outside, without control and invisible characters. */
export function clean(text: string): string {
  return text.replaceAll(UNPRINTABLE, '');
}

/** The same for several lines: line ends and tabs stay. */
export function cleanLines(text: string): string {
  return text.replaceAll(UNPRINTABLE, (character) => (/[\n\t]/.test(character) ? character : ''));
}

/** `1 server`, `3 servers`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** A count as it is up to 99,999, then in three significant digits: `184K`, `52.9M`; K is 1,000, as in ipvsadm. Takes whole numbers, 0 or more. */
export function humanCount(count: number): string {
  if (count < 100_000) return String(count);
  let value = count;
  for (const unit of ['K', 'M', 'G', 'T', 'P']) {
    value /= 1000;
    const text = value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
    if (Number(text) < 1000 || unit === 'P') return `${text}${unit}`;
  }
  return String(count);
}

/** Time left as MM:SS, as in `ipvsadm -Lnc`; more than 99 minutes take more digits. Takes milliseconds. */
export function formatExpire(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const two = (n: number) => String(n).padStart(2, '0');
  return `${two(Math.floor(seconds / 60))}:${two(seconds % 60)}`;
}

/** A bar over `width` characters, filled by `share` (0–1) in eighths of a character. */
export function bar(share: number, width: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * width * 8);
  return '█'.repeat(Math.floor(eighths / 8)) + ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths % 8];
}

/** Whether what a command printed has the shape of what a page shows: the same words, whatever the numbers. */

/** Numbers, times and lengths of time differ from run to run; addresses and the ports of services do not. */
function shapeOf(token: string): string {
  const endpoint = /^(\d+\.\d+\.\d+\.\d+|\[[0-9a-f:]+\]):(\d+)$/.exec(token);
  if (endpoint !== null) return Number(endpoint[2]) < 1024 ? token : `${endpoint[1]}:#`;
  if (/^\d+\.\d+\.\d+\.\d+(\/\d+)?$/.test(token)) return token;
  if (/^\d{4}-\d\d-\d\dT[\d:.]+Z?$/.test(token)) return '#';
  if (/^:?[+-]?\d[\d.,:]*([a-zA-Zµ%]{0,3}|[smhd]\d+[smhd])$/.test(token)) return '#';
  return /^[0-9a-f]{12,}$/.test(token) ? '#' : token;
}

/** The words of a line, of a table's row or of JSON. */
function shapeOfLine(line: string): string {
  return line
    .replaceAll(/"\s*:/g, '" ')
    .split(/[\s"{}[\],=|]+/)
    .filter((token) => token !== '')
    .map(shapeOf)
    .join(' ');
}

/** A line `…` stands for any number of lines, and one that ends with `…` for any that begins so. */
export function hasShape(actual: readonly string[], shown: readonly string[]): boolean {
  const [first, ...rest] = shown;
  if (first === undefined) return actual.length === 0;
  if (first.trim() === '…')
    return hasShape(actual, rest) || (actual.length > 0 && hasShape(actual.slice(1), shown));
  if (actual.length === 0) return false;
  const [is, wanted] = [shapeOfLine(actual[0]!), shapeOfLine(first)];
  const same = wanted.endsWith('…') ? is.startsWith(wanted.slice(0, -1).trimEnd()) : is === wanted;
  return same && hasShape(actual.slice(1), rest);
}

/** The lines of an output, without empty ones at its end. */
export function linesOf(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trimEnd());
  while (lines.at(-1) === '') lines.pop();
  return lines;
}

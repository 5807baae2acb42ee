/** Tables of text: columns as wide as what is in them, spaces between, no lines. */
import { clean } from './text.ts';

export interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
}

/** A cell's text, and what colours it once it is padded. */
export interface Cell {
  readonly text: string;
  readonly paint?: (text: string) => string;
}

/** Cells from the left, missing ones empty. A row of one cell is a heading: it may run over the other columns. */
export type Row = readonly (string | Cell)[];

/** What is fixed for all rows of a table. */
export interface Layout {
  readonly columns: readonly Column[];
  /** In characters, one per column. */
  readonly widths: readonly number[];
  /** Spaces between two columns. */
  readonly gap: number;
}

/** The least width of a first column that had to give way, in characters. */
const LEAST_FIRST = 4;

const cellOf = (cell: string | Cell | undefined): Cell =>
  typeof cell === 'object' ? { ...cell, text: clean(cell.text) } : { text: clean(cell ?? '') };
/** A text's length in characters. */
export const lengthOf = (text: string) => [...text].length;

/** The whole width of a table in characters. */
export function totalWidth({ widths, gap }: Pick<Layout, 'widths' | 'gap'>): number {
  return widths.reduce((sum, width) => sum + width, gap * (widths.length - 1));
}

export interface LayoutOptions {
  /** The width in characters to stay within if possible. */
  readonly limit?: number | undefined;
  /** Spaces between two columns, 2 unless given. */
  readonly gap?: number;
  /** The layout so far: no column becomes narrower. */
  readonly before?: Layout | undefined;
}

/**
 * Column widths that suit these rows and titles. When that is wider than `limit`, the first column gives way: a row
 * whose first cell is longer than it puts the rest on a line of its own.
 */
export function layOut(
  columns: readonly Column[],
  rows: readonly Row[],
  options: LayoutOptions = {},
): Layout {
  const { limit, gap = 2, before } = options;
  const widths = columns.map(({ title }, at) =>
    rows.reduce(
      (width, row) => (row.length === 1 ? width : Math.max(width, lengthOf(cellOf(row[at]).text))),
      Math.max(lengthOf(title), before?.widths[at] ?? 0),
    ),
  );
  const excess = limit === undefined ? 0 : totalWidth({ widths, gap }) - limit;
  if (excess > 0) widths[0] = Math.max(LEAST_FIRST, (widths[0] ?? 0) - excess);
  return { columns, widths, gap };
}

/** One row as text without its line end; two lines when its first cell is wider than its column. */
export function formatRow({ columns, widths, gap }: Layout, row: Row): string {
  const cells = columns.map((_, at) => cellOf(row[at]));
  const first = cells[0] ?? { text: '' };
  const paint = (cell: Cell, text: string) => (cell.paint === undefined ? text : cell.paint(text));
  if (row.length === 1) return paint(first, first.text);
  const line = (parts: readonly Cell[]) => {
    let last = parts.length - 1;
    while (last > 0 && parts[last]?.text === '') last--;
    return parts
      .slice(0, last + 1)
      .map((cell, at) => {
        const space = ' '.repeat(Math.max(0, (widths[at] ?? 0) - lengthOf(cell.text)));
        if (columns[at]?.align === 'right') return space + paint(cell, cell.text);
        return paint(cell, cell.text) + (at === last ? '' : space);
      })
      .join(' '.repeat(gap));
  };
  if (lengthOf(first.text) <= (widths[0] ?? 0)) return line(cells);
  return `${paint(first, first.text)}\n${line([{ text: '' }, ...cells.slice(1)])}`;
}

/** The titles as a row, painted alike. */
export function titleRow(columns: readonly Column[], paint: (text: string) => string): Row {
  return columns.map(({ title }) => ({ text: title, paint }));
}

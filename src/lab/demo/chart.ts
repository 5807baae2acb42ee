/** A value over time as a small picture of block characters. */

/** From this moment on, in seconds, the value is this, until the next one. */
export interface Sample {
  readonly at: number;
  readonly value: number;
}

/** How large the picture is. */
export interface ChartSize {
  /** What the right edge stands for; the left one is second 0. */
  readonly seconds: number;
  /** What the upper edge stands for; above 0. */
  readonly most: number;
  /** Characters, the axis not counted. */
  readonly width: number;
  readonly height: number;
}

const EIGHTHS = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/** The lines of the picture: the columns, the axis of time, and its seconds, one mark every `mark` seconds. */
export function drawChart(samples: readonly Sample[], size: ChartSize, mark: number): string[] {
  const { seconds, most, width, height } = size;
  const columns = Array.from({ length: width }, (_, column) => {
    const value = valueAt(samples, (seconds * (column + 0.5)) / width);
    return Math.round((Math.min(most, Math.max(0, value)) / most) * height * 8);
  });
  const axis = String(most).length;
  const rows = Array.from({ length: height }, (_, row) => {
    const below = 8 * (height - 1 - row);
    const cells = columns.map((eighths) => EIGHTHS[Math.min(8, Math.max(0, eighths - below))]!);
    return `${(row === 0 ? String(most) : '').padStart(axis)} │${cells.join('')}`.trimEnd();
  });
  return [
    ...rows,
    `${'0'.padStart(axis)} └${ticks(size, mark)}`,
    `${' '.repeat(axis + 2)}${marks(size, mark)}`,
  ];
}

/** The value at a moment; 0 before the first sample. */
function valueAt(samples: readonly Sample[], at: number): number {
  let value = 0;
  for (const sample of samples) if (sample.at <= at) value = sample.value;
  return value;
}

/** Columns of the marks. */
function placesOf({ seconds, width }: ChartSize, mark: number): number[] {
  return Array.from({ length: Math.floor(seconds / mark) + 1 }, (_, i) =>
    Math.min(width - 1, Math.round((i * mark * width) / seconds)),
  );
}

function ticks(size: ChartSize, mark: number): string {
  const places = new Set(placesOf(size, mark));
  return Array.from({ length: size.width }, (_, column) => (places.has(column) ? '┴' : '─')).join('');
}

function marks(size: ChartSize, mark: number): string {
  let line = '';
  placesOf(size, mark).forEach((column, i) => {
    line = `${line.padEnd(column)}${i * mark}s`;
  });
  return line;
}

/** What two texts differ in, line by line. */

/** A line of both (`=`), of the first alone (`-`) or of the second alone (`+`): by their places, from 0. */
export type LineStep =
  | { readonly kind: '='; readonly a: number; readonly b: number }
  | { readonly kind: '-'; readonly a: number }
  | { readonly kind: '+'; readonly b: number };

/** As many lines may differ before one is no longer looked for in the other's place: the search grows with their square. */
const MOST_DIFFERENT = 1_000;

/**
 * The way from one list of lines to the other that keeps most (E. W. Myers, An O(ND) Difference Algorithm, 1986). Where more
 * than 1,000 lines differ, all between the first and the last of them counts as other.
 */
export function diffLines(a: readonly string[], b: readonly string[]): readonly LineStep[] {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++;
  const same = (from: [number, number], count: number): LineStep[] =>
    Array.from({ length: count }, (_, i) => ({ kind: '=', a: from[0] + i, b: from[1] + i }));
  const middle = between(a.slice(head, a.length - tail), b.slice(head, b.length - tail)).map(
    (step): LineStep => {
      if (step.kind === '=') return { kind: '=', a: step.a + head, b: step.b + head };
      return step.kind === '-' ? { kind: '-', a: step.a + head } : { kind: '+', b: step.b + head };
    },
  );
  return [...same([0, 0], head), ...middle, ...same([a.length - tail, b.length - tail], tail)];
}

function between(a: readonly string[], b: readonly string[]): readonly LineStep[] {
  const reached: Map<number, number>[] = [];
  let furthest = new Map([[1, 0]]);
  for (let d = 0; d <= Math.min(a.length + b.length, MOST_DIFFERENT); d++) {
    const next = new Map<number, number>();
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && (furthest.get(k - 1) ?? -1) < (furthest.get(k + 1) ?? -1));
      let x = down ? furthest.get(k + 1)! : furthest.get(k - 1)! + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
      next.set(k, x);
      if (x >= a.length && x - k >= b.length) return wayBack(a.length, b.length, reached, d);
    }
    reached.push(next);
    furthest = next;
  }
  return [
    ...a.map((_, i): LineStep => ({ kind: '-', a: i })),
    ...b.map((_, i): LineStep => ({ kind: '+', b: i })),
  ];
}

/** The steps in order, from how far each number of differences had reached. */
function wayBack(
  x: number,
  y: number,
  reached: readonly ReadonlyMap<number, number>[],
  differences: number,
): readonly LineStep[] {
  const steps: LineStep[] = [];
  for (let d = differences; d > 0; d--) {
    const before = reached[d - 1]!;
    const k = x - y;
    const down = k === -d || (k !== d && (before.get(k - 1) ?? -1) < (before.get(k + 1) ?? -1));
    const from = down ? k + 1 : k - 1;
    const fromX = before.get(from)!;
    const fromY = fromX - from;
    for (; x > fromX + (down ? 0 : 1) && y > fromY + (down ? 1 : 0); )
      steps.push({ kind: '=', a: --x, b: --y });
    steps.push(down ? { kind: '+', b: --y } : { kind: '-', a: --x });
  }
  while (x > 0) steps.push({ kind: '=', a: --x, b: --y });
  return steps.reverse();
}

/** The right word nearest to a wrong one. */

/** Words longer than this are not compared: nobody mistypes one, and the comparison takes the product of the lengths. */
const LONGEST = 64;

/**
 * How many single-letter slips lie between two words: a letter too many, too few, another, or two swapped
 * (the optimal string alignment distance).
 */
export function editDistance(a: string, b: string): number {
  let older: number[] = [];
  let old = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const slip = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(old[j]! + 1, row[j - 1]! + 1, old[j - 1]! + slip);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, older[j - 2]! + 1);
      row.push(best);
    }
    older = old;
    old = row;
  }
  return old[b.length]!;
}

/** The candidate that `word` was probably meant to be; undefined if none is near (a third of its letters, at least one). */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > LONGEST) return undefined;
  const plain = normal(word);
  let best: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const distance = editDistance(plain, normal(candidate));
    if (distance < least && distance <= Math.max(1, Math.floor(candidate.length / 3))) {
      best = candidate;
      least = distance;
    }
  }
  return best;
}

/** Case and the kind of separator are the commonest slips of all, so they do not count. */
function normal(word: string): string {
  return word.toLowerCase().replaceAll(/[-\s]/g, '_');
}

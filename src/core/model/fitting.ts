/** Which of many things go together, where only the whole of them can be tried. */

/** What was taken, in order, and what was left, with the reason. */
export interface Fitting<T> {
  readonly taken: readonly T[];
  readonly left: readonly { readonly item: T; readonly why: string }[];
}

/**
 * Takes one after the other what goes together with all that was taken before. `attempt` says why a list does not; undefined
 * if it does, and what it tried last successfully is what was taken. It is asked once where all go together, and else some
 * two times the logarithm of their number for each that does not.
 */
export function takeWhatFits<T>(
  items: readonly T[],
  attempt: (list: readonly T[]) => string | undefined,
): Fitting<T> {
  let taken: readonly T[] = [];
  const left: { item: T; why: string }[] = [];
  const add = (some: readonly T[]): void => {
    const all = [...taken, ...some];
    const why = attempt(all);
    if (why === undefined) taken = all;
    else if (some.length === 1) left.push({ item: some[0]!, why });
    else {
      const half = some.length >> 1;
      add(some.slice(0, half));
      add(some.slice(half));
    }
  };
  if (items.length > 0) add(items);
  return { taken, left };
}

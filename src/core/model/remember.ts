/** What was worked out of a value once need not be again, as long as it is the very same value. */

/**
 * `make`, which remembers what it gave for an object, and gives that again while the other arguments are the same, too. Of each object
 * the latest answer is kept, for as long as the object lives; so none may be changed after it was given.
 */
export function remembering<K extends object, A extends readonly unknown[], V>(
  make: (key: K, ...about: A) => V,
): (key: K, ...about: A) => V {
  const known = new WeakMap<K, { readonly about: A; readonly value: V }>();
  return (key, ...about) => {
    const before = known.get(key);
    if (before?.about.every((one, i) => one === about[i]) === true) return before.value;
    const value = make(key, ...about);
    known.set(key, { about, value });
    return value;
  };
}

/**
 * Texts that live on when the file that they stood in is forgotten. V8 makes a long enough part of a text a view of the
 * whole, so one address of a service that no reload changes would keep a file of some mebibytes in memory for as long.
 */

/** Up to this length a part is a copy by itself (SlicedString::kMinLength, v8/src/objects/string.h). */
const COPIED = 12;

/** Gives texts equal to those it is given, and views of nothing; equal ones are one. */
export function ownTexts(): (text: string) => string {
  const known = new Map<string, string>();
  return (text) => {
    if (text.length <= COPIED) return text;
    const before = known.get(text);
    if (before !== undefined) return before;
    const own = JSON.parse(JSON.stringify(text)) as string;
    known.set(own, own);
    return own;
  };
}

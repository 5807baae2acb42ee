/** Which changes of a weight by feedback are worth telling somebody: a figure may move every second, and few care for each step. */

/** A change of so many percent of the configured weight is worth telling. */
export const WORTH_PERCENT = 25;

/** Whether a weight is to be told, when another one was told last: much else, nothing, something again, or the whole again. */
export function isWorthTelling(told: number, now: number, configured: number): boolean {
  if (told === now) return false;
  if (told === 0 || now === 0 || now === configured) return true;
  return 100 * Math.abs(now - told) >= WORTH_PERCENT * configured;
}

/** How refusals are thrown inside the parser; outside it they are values. */
import type { Refusal } from './command.ts';

/** A refusal on its way out of the parser. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.text);
    this.refusal = refusal;
  }
}

/** The line does not say what it should: exit code 2. */
export function fail(text: string, at?: number): never {
  throw new Refused({ text, code: 2, ends: true, ...(at !== undefined && { at }) });
}

/** A word that is not understood: exit code 255, and the next line of rules is read. */
export function failScan(text: string, at: number): never {
  throw new Refused({ text, code: 255, ends: false, at });
}

/** There is no command, or none that comes first. */
export function failUsage(): never {
  throw new Refused({
    text: "Try `ipvsadm -h' or 'ipvsadm --help' for more information.",
    code: 255,
    ends: true,
    at: 0,
  });
}

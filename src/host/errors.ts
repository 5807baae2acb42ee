/** What goes wrong at the host, for people: what, where, and what to do. */

/** The host could not be read or changed as asked. */
export class HostError extends Error {
  override readonly name = 'HostError';
  /** What it is about: a sysctl's name, a VIP, a file. */
  readonly subject: string;

  /** `reason` says what happened and what to do about it. */
  constructor(subject: string, reason: string, cause?: unknown) {
    super(`${subject}: ${reason}`, cause === undefined ? undefined : { cause });
    this.subject = subject;
  }
}

/** The errno name of an error that Node's file functions threw; undefined for any other. */
export function codeOf(error: unknown): string | undefined {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** How a refusal of the kernel reaches people: the call, the errno by name, and its meaning. */
import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';

/**
 * Numbers that have two names in Node's table, where we want the one of the kernel's headers, and ENOTSUPP, which
 * the kernel hands out (verifier, netlink) although include/linux/errno.h keeps it from user space.
 */
const PREFERRED: Readonly<Record<number, string>> = { 11: 'EAGAIN', 95: 'EOPNOTSUPP', 524: 'ENOTSUPP' };

/** The name of an errno, such as `EPERM` for 1; the sign does not matter. `errno 9999` for a number without a name. */
export function errnoName(errno: number): string {
  const number = Math.abs(errno);
  const known = Object.entries(constants.errno).find(([, value]) => value === number);
  return PREFERRED[number] ?? known?.[0] ?? `errno ${number}`;
}

/** What an errno means in a few words, such as `operation not permitted`; the name again where no text is known. */
export function errnoText(errno: number): string {
  return getSystemErrorMap().get(-Math.abs(errno))?.[1] ?? errnoName(errno);
}

/** A call into the kernel or a C library that was refused. */
export class KernelError extends Error {
  override readonly name: string = 'KernelError';
  /** What was called or asked for, such as `socket(AF_NETLINK)`. */
  readonly call: string;
  /** The positive errno, such as 1. */
  readonly errno: number;
  /** The name of the errno, such as `EPERM`. */
  readonly code: string;

  /** `errno` with either sign; `detail` is a sentence on the likely cause and what to do. */
  constructor(call: string, errno: number, detail?: string) {
    const reason = `${call}: ${errnoText(errno)} (${errnoName(errno)})`;
    super(detail === undefined ? reason : `${reason}; ${detail}`);
    this.call = call;
    this.errno = Math.abs(errno);
    this.code = errnoName(errno);
  }
}

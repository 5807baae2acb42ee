/** Names and values of kernel parameters (sysctl(8), proc(5)). */
import { z } from 'zod';

/** What a name looks like to an editor; `normalSysctlName` looks closer. */
export const SYSCTL_PATTERN = '^net[./][A-Za-z0-9_./-]+$';
const MAX_NAME = 256;
const MAX_VALUE = 256;

/**
 * A name with dots between its parts, and `/` for a dot inside one of them, as in `net.ipv4.conf.eth0/100.rp_filter`.
 * As in sysctl(8), the first separator tells which spelling a name has. Undefined if it is none of the net parameters;
 * names with parts such as `..` are among those, as they would lead out of /proc/sys/net.
 */
export function normalSysctlName(text: string): string | undefined {
  if (text.length > MAX_NAME || !new RegExp(SYSCTL_PATTERN).test(text)) return undefined;
  const swap = (part: string) => part.replaceAll(/[./]/g, (c) => (c === '.' ? '/' : '.'));
  const name = text[3] === '/' ? swap(text) : text;
  const parts = name.split('.');
  return parts.every((part) => /^[^/]+(\/[^/]+)*$/.test(part)) ? name : undefined;
}

/** A parameter's value as the kernel spells it: no units, no conversion; a list is joined by spaces. */
export const sysctlValueField = z
  .union([z.string(), z.int(), z.array(z.int())])
  .meta({
    noun: 'a value for a kernel parameter',
    expected: 'a whole number, a list of them, or one line of at most 256 printable characters',
  })
  .transform((input, context): string => {
    const value = (Array.isArray(input) ? input.join(' ') : String(input)).trim();
    if (/^[\x20-\x7e]+$/.test(value) && value.length <= MAX_VALUE) return value;
    context.addIssue({ code: 'custom', params: {} });
    return z.NEVER;
  });

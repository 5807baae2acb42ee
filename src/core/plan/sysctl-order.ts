/** In which order kernel parameters are safe to write. */

/**
 * Parameters whose writing changes others: the forwarding switches reset every interface's to "their default state"
 * (ip-sysctl.txt, ip_forward), and `conf.all` and `conf.default` reach into the interfaces. Written first, they
 * cannot undo what was written for one interface.
 */
function rank(name: string): number {
  if (name === 'net.ipv4.ip_forward' || /^net\.ipv[46]\.conf\.all\.forwarding$/.test(name)) return 0;
  if (/^net\.ipv[46]\.conf\.all\./.test(name)) return 1;
  if (/^net\.ipv[46]\.conf\.default\./.test(name)) return 2;
  return 3;
}

/** Compares two names, for `Array.sort`: what reaches further comes first, and equals stand in the order of their bytes. */
export function compareSysctls(a: string, b: string): number {
  return rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0);
}

/** The names in an order in which no write undoes an earlier one; the result does not depend on the order given. */
export function sysctlOrder(names: Iterable<string>): readonly string[] {
  return [...names].sort(compareSysctls);
}

/** A namespace's TCP counters, as the kernel shows them in /proc/net/snmp and /proc/net/netstat. */

/** All counters of the tables, by their kernel names (RetransSegs, TCPSynRetrans, ListenDrops …). */
export type TcpCounters = Readonly<Record<string, number>>;

/**
 * Reads tables of the form `Name: column …` followed by `Name: value …`, keeping those of TCP (`Tcp`, `TcpExt`).
 * Several texts may be joined; a line without its partner is left out.
 */
export function parseTcpCounters(text: string): TcpCounters {
  const counters: Record<string, number> = {};
  const lines = text.split('\n');
  for (let index = 0; index + 1 < lines.length; index += 2) {
    const names = lines[index]!.split(' ');
    const values = lines[index + 1]!.split(' ');
    if (names[0] !== values[0] || (names[0] !== 'Tcp:' && names[0] !== 'TcpExt:')) continue;
    for (const [column, name] of names.entries()) if (column > 0) counters[name] = Number(values[column]);
  }
  return counters;
}

/** What each counter grew by; a counter missing before counts from 0. */
export function grownBy(before: TcpCounters, after: TcpCounters): TcpCounters {
  return Object.fromEntries(
    Object.entries(after).map(([name, value]) => [name, value - (before[name] ?? 0)]),
  );
}

/**
 * What lblc and lblcr remember: for a destination's address, the servers it has been given. A destination that nobody has
 * asked for during a day is forgotten.
 */

/** A destination's servers. */
export interface Locality {
  /** Names of servers, the latest first; for lblc just one. Some may have left the service. */
  servers: readonly string[];
  /** When a connection last asked for it, and when `servers` last changed. */
  used: number;
  modified: number;
}

/** Localities by the destination's address. */
export type Localities = Map<string, Locality>;

/** None yet. */
export function createLocalities(): Localities {
  return new Map();
}

/** What a server is remembered by. */
export function nameOf({ address, port }: { readonly address: Uint8Array; readonly port: number }): string {
  return `${address.join('.')} ${port}`;
}

/** What is remembered of a destination, marked as used now; undefined when nothing is, or no more. */
export function recall(
  localities: Localities,
  destination: Uint8Array,
  { now, day }: { readonly now: number; readonly day: number },
): Locality | undefined {
  const found = localities.get(destination.join('.'));
  if (found === undefined || now - found.used >= day) return undefined;
  found.used = now;
  return found;
}

/** Remembers a destination anew, with one server by its name. */
export function remember(localities: Localities, destination: Uint8Array, server: string, now: number): void {
  localities.set(destination.join('.'), { servers: [server], used: now, modified: now });
}

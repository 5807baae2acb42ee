/** Persistence: the connections of a client, or of a network of clients, to a service go to one server. */
import { type Address, addressFromBytes, type Family } from '../address/address.ts';

/** How long a client is remembered, and which clients count as one. */
export interface Persistence {
  /** Milliseconds after a template's latest use, 1 s – 31 days as in ipvsadm(8). */
  readonly timeout: number;
  /** Length of the prefix that clients share: 1 – 32 for IPv4, 1 – 128 for IPv6; the longest is each by itself. */
  readonly granularity: number;
  /** A client of a server of weight 0 is scheduled anew, as by ip_vs's net.ipv4.vs.expire_quiescent_template. */
  readonly expire_quiescent_template?: true;
  /** What a client is told by besides its address: ip_vs's alone, for UDP. Absent: nothing else. */
  readonly engine?: PersistenceEngine;
}

/** ip_vs's persistence engines: sip tells the calls of an address apart, by their Call-ID. */
export const PERSISTENCE_ENGINES = ['sip'] as const;
export type PersistenceEngine = (typeof PERSISTENCE_ENGINES)[number];

/** ipvsadm's default, in milliseconds. */
export const DEFAULT_PERSISTENCE_MS = 300_000;
export const MIN_PERSISTENCE_MS = 1_000;
/** ipvsadm's MAX_TIMEOUT, 31 days. */
export const MAX_PERSISTENCE_MS = 31 * 86_400_000;
/** What a template stays for after it was last found to control a connection, in milliseconds: ip_vs's, too. */
export const TEMPLATE_HOLD_MS = 60_000;

/** The prefix's mask in network byte order: 4 or 16 bytes. */
export function maskBytes(family: Family, length: number): Uint8Array {
  return Uint8Array.from({ length: family === 4 ? 4 : 16 }, (_, i) => {
    const bits = Math.min(8, Math.max(0, length - 8 * i));
    return (0xff00 >> bits) & 0xff;
  });
}

/** The mask written as an address: 255.255.255.0. */
export function maskAddress(family: Family, length: number): Address {
  return addressFromBytes(maskBytes(family, length));
}

/** The length of the prefix whose mask this is. */
export function maskLength(mask: Uint8Array): number {
  return mask.reduce(
    (sum, byte) => sum + [7, 6, 5, 4, 3, 2, 1, 0].filter((bit) => (byte >> bit) & 1).length,
    0,
  );
}

/** Whether two services remember their clients alike. */
export function equalPersistence(a: Persistence | undefined, b: Persistence | undefined): boolean {
  return (
    a?.timeout === b?.timeout &&
    a?.granularity === b?.granularity &&
    a?.expire_quiescent_template === b?.expire_quiescent_template &&
    a?.engine === b?.engine
  );
}

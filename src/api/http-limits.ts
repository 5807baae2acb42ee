/** What a client may take of the servers, and how they close. */
import type { Server } from 'node:http';

/** Connections at a time on one listener. */
export const MAX_CONNECTIONS = 256;

/** Times in milliseconds, sizes in bytes: who does not finish in time is cut off, so that idle connections cannot pile up. */
export const LIMITS = {
  maxHeaderSize: 8 * 1024,
  headersTimeout: 10_000,
  /** For the whole request, a configuration of some mebibytes included. */
  requestTimeout: 60_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 2_000,
} as const;

/** Stops listening, and lets answers under way get out for at most `graceMs` (default 2,000). */
export function closing(server: Server): (graceMs?: number) => Promise<void> {
  return (graceMs = 2_000) =>
    new Promise<void>((resolve) => {
      const impatience = setTimeout(() => server.closeAllConnections(), graceMs);
      server.close(() => {
        clearTimeout(impatience);
        resolve();
      });
      server.closeIdleConnections();
    });
}

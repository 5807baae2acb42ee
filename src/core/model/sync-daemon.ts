/** ip_vs's sync daemons: threads of the kernel that tell other directors of connections, or hear of theirs. */
import type { Address } from '../address/address.ts';

/** Which part a daemon has; there is at most one of each. */
export const SYNC_ROLES = ['master', 'backup'] as const;
export type SyncRole = (typeof SYNC_ROLES)[number];

/** A daemon with all that it is started with: what is left out of a configuration is said here as the kernel would have it. */
export interface SyncDaemon {
  readonly role: SyncRole;
  /** By which it speaks or listens. */
  readonly interface: string;
  /** 0 – 255: a backup with another than 0 hears only masters with the same. */
  readonly sync_id: number;
  /** The multicast group, of either family. */
  readonly group: Address;
  /** 1 – 65535, UDP. */
  readonly port: number;
  /** 1 – 255: routers that a message may pass, and one. */
  readonly ttl: number;
  /** The longest message in bytes, 1 – 65,507; absent for what the interface's MTU allows. */
  readonly max_length?: number;
}

/** The kernel's (IP_VS_SYNC_GROUP and IP_VS_SYNC_PORT in ip_vs_sync.c). */
export const DEFAULT_SYNC_GROUP = '224.0.0.81' as Address;
export const DEFAULT_SYNC_PORT = 8848;
export const DEFAULT_SYNC_TTL = 1;
/** ipvsadm's bound. */
export const MAX_SYNC_LENGTH = 65_507;

/** What of a daemon is the same: `eth1, id 7, 224.0.0.81:8848, ttl 1`. */
export function syncDaemonText({ interface: by, sync_id, group, port, ttl, max_length }: SyncDaemon): string {
  const to = group.includes(':') ? `[${group}]:${port}` : `${group}:${port}`;
  return `${by}, id ${sync_id}, ${to}, ttl ${ttl}${max_length === undefined ? '' : `, at most ${max_length} bytes`}`;
}

/** The daemons of a state, by their role. */
export type SyncDaemons = ReadonlyMap<SyncRole, SyncDaemon>;

export const NO_SYNC_DAEMONS: SyncDaemons = new Map();

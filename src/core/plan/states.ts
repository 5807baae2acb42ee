/** The two ends of every plan: what should be and what is. */
import type { DirectorInterface, Forwarding, Masquerade, Vip } from '../model/host.ts';
import type { ServiceKey, VirtualService } from '../model/service.ts';
import { NO_SYNC_DAEMONS, type SyncDaemons } from '../model/sync-daemon.ts';

/**
 * What should be, or what is: both have one shape, so that a plan is their difference.
 * In an observed state `vips`, `masquerade`, `interfaces` and `syncDaemons` hold only what is Weir's own, or what a desired
 * one asks for and the host has already; `sysctls` holds the present value of every name that a desired state asks for.
 */
export interface DirectorState {
  readonly interfaces: ReadonlyMap<string, DirectorInterface>;
  readonly forwarding: Forwarding;
  readonly services: ReadonlyMap<ServiceKey, VirtualService>;
  readonly vips: ReadonlyMap<string, Vip>;
  readonly masquerade: ReadonlyMap<string, Masquerade>;
  readonly sysctls: ReadonlyMap<string, string>;
  readonly syncDaemons: SyncDaemons;
}

export type DesiredState = DirectorState;

/** What is. */
export interface ObservedState extends DirectorState {
  /**
   * Services that are there, but not quite as `services` says: somebody else has changed them where they lie. By key,
   * with what was found, in words. They are to be published again, or removed.
   */
  readonly damaged?: ReadonlyMap<ServiceKey, string>;
  /** What else somebody has changed in the data plane, where no service lies, in words; to be mended as a whole. */
  readonly planeDamage?: readonly string[];
}

/** A state with nothing in it. */
export const EMPTY_STATE: DirectorState = {
  interfaces: new Map(),
  forwarding: 'redirect',
  services: new Map(),
  vips: new Map(),
  masquerade: new Map(),
  sysctls: new Map(),
  syncDaemons: NO_SYNC_DAEMONS,
};

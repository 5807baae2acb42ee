/** The two ends of every plan: what should be and what is. */
import type { DirectorInterface, Masquerade, Vip } from '../model/host.ts';
import type { ServiceKey, VirtualService } from '../model/service.ts';

/**
 * What should be, or what is: both have one shape, so that a plan is their difference.
 * In an observed state `vips`, `masquerade` and `interfaces` hold only what is Weir's own, or what a desired
 * one asks for and the host has already; `sysctls` holds the present value of every name that a desired state asks for.
 */
export interface DirectorState {
  readonly interfaces: ReadonlyMap<string, DirectorInterface>;
  readonly services: ReadonlyMap<ServiceKey, VirtualService>;
  readonly vips: ReadonlyMap<string, Vip>;
  readonly masquerade: ReadonlyMap<string, Masquerade>;
  readonly sysctls: ReadonlyMap<string, string>;
}

export type DesiredState = DirectorState;
export type ObservedState = DirectorState;

/** A state with nothing in it. */
export const EMPTY_STATE: DirectorState = {
  interfaces: new Map(),
  services: new Map(),
  vips: new Map(),
  masquerade: new Map(),
  sysctls: new Map(),
};

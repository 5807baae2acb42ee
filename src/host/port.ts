/** What the director asks of its host: kernel parameters, addresses, masquerading. */
import type { Masquerade, Vip } from '../core/model/host.ts';
import type { DesiredState, DirectorState } from '../core/plan/states.ts';

/** The part of a state that lives in the host's network stack. */
export type HostState = Pick<DirectorState, 'vips' | 'masquerade' | 'sysctls'>;

/**
 * The host's network stack. Whatever it changes it first writes down, so that `restore` can undo it after any crash.
 * Every change is idempotent, fails with an error that says what, where and what to do, and must not overlap another.
 */
export interface Host {
  /**
   * What is there now: of `desired`'s VIPs, sysctls and masquerade rules those the host has, and besides
   * them whatever Weir itself put there earlier. Never what is others'.
   */
  observe(desired: DesiredState): Promise<HostState>;
  /** Writes a kernel parameter; fails if there is none of this name, or the kernel makes another value of this one. */
  setSysctl(name: string, value: string): Promise<void>;
  /** Adds an address. One that is there already serves as it is, and stays others'. */
  addVip(vip: Vip): Promise<void>;
  /** Removes an address that `addVip` added, and no other that shares its subnet; does nothing for any other. */
  removeVip(vip: Vip): Promise<void>;
  /** Adds a rule, and makes the rest of Weir's table as it should be, should somebody have edited it. */
  addMasquerade(rule: Masquerade): Promise<void>;
  /** Removes a rule that `addMasquerade` added; does nothing for any other. */
  removeMasquerade(rule: Masquerade): Promise<void>;
  /**
   * Puts back all that Weir changed and still is as Weir left it; returns a line per thing put back or left alone. It goes on
   * after a failure and reports it at the end; run again, it does what is left, and nothing the time after.
   */
  restore(): Promise<readonly string[]>;
  close(): void;
}

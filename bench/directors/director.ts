/** What is measured: something on the lab's director that brings a client's connections to the real servers. */
import type { Lab } from '../../src/lab/lab.ts';
import type { Load, Service } from '../load/load.ts';

/** A director under measurement. It is started before each of its turns and stopped after, in one and the same lab. */
export interface Director {
  /** Its name in tables and JSON; the first word is its name on the command line. */
  readonly name: string;
  readonly protocols: readonly Service['protocol'][];
  /** Its version for the report; throws when it is not installed. */
  version(lab: Lab): Promise<string>;
  /** Gets it ready to forward the load's service, one of its protocols; throws when it cannot. */
  start(lab: Lab, load: Load): Promise<void>;
  /** The address to ask for one third of the load (0, 1 or 2): plain routing's is the real server of that number. */
  target(lab: Lab, index: number): string;
  /** Takes it away again, leaving the director's namespace as it found it. */
  stop(lab: Lab): Promise<void>;
}

/** The address and prefix length a peer gives to the director's eth0. */
export const vipPrefix = '203.0.113.100/24';

/** The virtual service's address; its port is the load's. */
export const vip = '203.0.113.100';

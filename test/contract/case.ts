/** One case of the contract that every data plane keeps. */
import { setTimeout as wait } from 'node:timers/promises';
import { DEFAULT_LIMITS, type Limits } from '../../src/core/model/config.ts';
import type { Subject } from './subject.ts';

/** One thing that a plane does, on a plane with empty tables; it throws where the plane does otherwise. */
export interface Case {
  readonly name: string;
  readonly limits?: Partial<Limits>;
  run(subject: Subject): void | Promise<void>;
}

const LOOK_EVERY = 50;

/** What packets have done: a check that holds at once, or within the time that the plane takes to say it. */
export const eventually = async (subject: Subject, check: () => unknown): Promise<void> => {
  for (let left = subject.lag ?? 0; ; left -= LOOK_EVERY)
    try {
      return void (await check());
    } catch (error) {
      if (left <= 0) throw error;
      await wait(LOOK_EVERY);
    }
};

/** Room enough, unless a case asks for less. */
export const CASE_LIMITS: Limits = {
  ...DEFAULT_LIMITS,
  connections_ipv4: 4096,
  connections_ipv6: 1024,
  half_open: 1024,
  services: 64,
  servers: 256,
};

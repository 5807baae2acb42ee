/** What services are warned of as a whole: a quorum that is lost, and panic. Each goes on from what it was, and is said when it changes. */
import { NO_PANICS, type Panics, panicsOf } from '../core/health/panic.ts';
import { type Quorums, quorumsOf } from '../core/health/quorum.ts';
import type { CheckStates, Watch } from '../core/health/servers.ts';
import type { Overrides } from '../core/model/override.ts';
import type { ServiceKey, VirtualService } from '../core/model/service.ts';
import type { Log } from '../observe/log.ts';

/** What services are found by. */
export interface Grounds {
  readonly watch: Watch;
  readonly states: CheckStates;
  readonly overrides: Overrides;
}

/** What was found of services. */
export interface Found {
  readonly quorums: Quorums;
  readonly panics: Panics;
}

/** What services are warned of now. */
export class Alarms implements Found {
  readonly #log: Log;
  #quorums: Quorums = new Map();
  #panics: Panics = NO_PANICS;

  constructor(log: Log) {
    this.#log = log;
  }

  get quorums(): Quorums {
    return this.#quorums;
  }

  get panics(): Panics {
    return this.#panics;
  }

  /** What would be found of these services now; nothing is kept or said. */
  under(services: readonly VirtualService[], { watch, states, overrides }: Grounds): Found {
    return {
      quorums: quorumsOf(services, watch, states, this.#quorums),
      panics: panicsOf(services, watch, states, overrides, this.#panics),
    };
  }

  /** Finds these services anew, and says what has changed. */
  follow(services: readonly VirtualService[], grounds: Grounds): void {
    const { quorums, panics } = this.under(services, grounds);
    const watched = grounds.watch.services;
    for (const [service, { met, weight }] of quorums) {
      const before = this.#quorums.get(service)?.met ?? true;
      const fields = { service, weight, ...watched.get(service)?.quorum };
      if (before && !met) this.#log.warn('quorum_down', fields);
      if (!before && met) this.#log.info('quorum_up', fields);
    }
    for (const [service, { on, failed, of }] of panics) {
      const before = this.#panics.get(service)?.on ?? false;
      const fields = { service, failed, of, panic_threshold: `${watched.get(service)?.panic_threshold}%` };
      if (!before && on) this.#log.warn('panic_on', fields);
      if (before && !on) this.#log.info('panic_off', fields);
    }
    const has = (key: ServiceKey, what: 'quorum' | 'panic_threshold') =>
      watched.get(key)?.[what] !== undefined;
    this.#quorums = new Map([...[...this.#quorums].filter(([key]) => has(key, 'quorum')), ...quorums]);
    this.#panics = new Map([...[...this.#panics].filter(([key]) => has(key, 'panic_threshold')), ...panics]);
  }
}

/** Which servers are starting slowly, and when their weights are to be looked at again. */
import { formatEndpoint } from '../core/address/address.ts';
import type { Config } from '../core/model/config.ts';
import { type ServiceKey, serviceKey } from '../core/model/service.ts';
import type { Factor } from '../core/weight/effective.ts';
import { slowStartFactor } from '../core/weight/slow-start.ts';
import type { Known } from '../core/weight/weigh.ts';

/** Between two looks at servers that start slowly, in milliseconds. */
const PAUSE_MS = 1_000;

/** The servers that are starting; close it. */
export class SlowStarts {
  readonly #changed: () => void;
  readonly #since = new Map<ServiceKey, Map<string, number>>();
  #rules: Config['slowStarts'] = new Map();
  #timer: NodeJS.Timeout | undefined;

  /** `changed` is told when weights are to be looked at again. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** Servers that `after` adds to a service that was there under `before` begin now; at the daemon's own start nobody does. */
  adopt(before: Config | undefined, { services, slowStarts }: Config): void {
    this.#rules = slowStarts;
    if (before === undefined || slowStarts.size === 0) return;
    const old = new Map(
      before.services.map((service) => [serviceKey(service), new Set(service.servers.map(formatEndpoint))]),
    );
    for (const service of services) {
      const key = serviceKey(service);
      const there = old.get(key);
      if (!slowStarts.has(key) || there === undefined) continue;
      for (const server of service.servers.map(formatEndpoint))
        if (!there.has(server)) this.begin(key, server);
    }
  }

  /** Lets a server begin now, if its service starts servers slowly. */
  begin(service: ServiceKey, server: string): void {
    if (!this.#rules.has(service)) return;
    const servers = this.#since.get(service) ?? new Map<string, number>();
    this.#since.set(service, servers.set(server, Date.now()));
    this.#timer ??= setInterval(() => {
      this.#forgetDone();
      this.#changed();
    }, PAUSE_MS);
  }

  /** What servers get of their weights now. */
  factors(): Known['starting'] {
    const now = Date.now();
    const factors = new Map<ServiceKey, Map<string, Factor>>();
    for (const [service, servers] of this.#since)
      for (const [server, since] of servers) {
        const factor = this.#factor(service, since, now);
        if (factor !== undefined)
          factors.set(service, (factors.get(service) ?? new Map<string, Factor>()).set(server, factor));
      }
    return factors;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #factor(service: ServiceKey, since: number, now: number): Factor | undefined {
    const rule = this.#rules.get(service);
    return rule === undefined ? undefined : slowStartFactor(since, rule, now);
  }

  #forgetDone(): void {
    const now = Date.now();
    for (const [service, servers] of this.#since) {
      for (const [server, since] of servers)
        if (this.#factor(service, since, now) === undefined) servers.delete(server);
      if (servers.size === 0) this.#since.delete(service);
    }
    if (this.#since.size === 0) this.close();
  }
}

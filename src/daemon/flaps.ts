/** Which servers go up and down again and again, and when those that are held down for it are calm. In memory: they outlive a reload and not the daemon. */
import {
  atTime,
  type FlapState,
  type Holds,
  holdEnds,
  NO_HOLDS,
  STEADY,
  wentDown,
  wentUp,
} from '../core/health/flap.ts';
import { type BesideHolds, holdsOf } from '../core/health/holds.ts';
import type { Verdict, Watch } from '../core/health/servers.ts';
import type { FlapRule } from '../core/model/check.ts';
import { type ServiceKey, serviceKey, type VirtualService } from '../core/model/service.ts';

/** One server of one service. */
export interface Flapper {
  readonly service: ServiceKey;
  readonly server: string;
}

/** The servers that flap; close it. */
export class Flaps {
  readonly #due: () => void;
  readonly #states = new Map<ServiceKey, Map<string, FlapState>>();
  #watched: Watch['services'] = new Map();
  #timer: NodeJS.Timeout | undefined;

  /** `due` is told when a hold may be over: then `expire` is to be called. */
  constructor(due: () => void) {
    this.#due = due;
  }

  /** Forgets all servers that are not damped under `watch`. */
  adopt({ services }: Watch): void {
    this.#watched = services;
    this.#change((state, _, { service, server }) =>
      services.get(service)?.servers.has(server) === true ? state : undefined,
    );
  }

  /** A server's checks have brought it up or down. */
  turned({ service, server }: Flapper, to: Verdict): void {
    const rule = this.#rule(service);
    if (rule === undefined) return;
    const before = this.#states.get(service)?.get(server);
    // Who has never gone down is not kept.
    if (before === undefined && to === 'up') return;
    const now = Date.now();
    const servers = this.#states.get(service) ?? new Map<string, FlapState>();
    const after = to === 'up' ? wentUp(before ?? STEADY, now) : wentDown(before ?? STEADY, rule, now);
    this.#states.set(service, servers.set(server, after));
    this.#schedule();
  }

  /** Forgets what a server has done. */
  forgive(servers: readonly Flapper[]): void {
    for (const { service, server } of servers) this.#states.get(service)?.delete(server);
    this.#schedule();
  }

  /** Ends the holds that are over, and forgets what is long past. */
  expire(): void {
    const now = Date.now();
    this.#change((state, rule) => {
      const after = atTime(state, rule, now);
      return after.held || after.downs.length > 0 ? after : undefined;
    });
  }

  /** The servers that are held. */
  held(): readonly Flapper[] {
    return [...this.#states].flatMap(([service, servers]) =>
      [...servers].filter(([, { held }]) => held).map(([server]) => ({ service, server })),
    );
  }

  /** What becomes of them by what `known` says of the services that have some. */
  holds(
    services: readonly VirtualService[],
    known: (concerned: readonly VirtualService[]) => BesideHolds,
  ): Holds {
    const flapping = new Map(
      [...this.#states]
        .map(([key, servers]) => [key, new Map([...servers].filter(([, { held }]) => held))] as const)
        .filter(([, servers]) => servers.size > 0),
    );
    if (flapping.size === 0) return NO_HOLDS;
    const concerned = services.filter((service) => flapping.has(serviceKey(service)));
    return holdsOf(concerned, flapping, known(concerned), Date.now());
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #rule(service: ServiceKey): FlapRule | undefined {
    return this.#watched.get(service)?.flap_damping;
  }

  /** Puts what `next` says in the place of each; undefined forgets it. */
  #change(next: (state: FlapState, rule: FlapRule, whose: Flapper) => FlapState | undefined): void {
    for (const [service, servers] of this.#states) {
      const rule = this.#rule(service);
      for (const [server, state] of servers) {
        const after = rule && next(state, rule, { service, server });
        if (after === undefined) servers.delete(server);
        else servers.set(server, after);
      }
      if (servers.size === 0) this.#states.delete(service);
    }
    this.#schedule();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    let next = Number.POSITIVE_INFINITY;
    for (const [service, servers] of this.#states) {
      const rule = this.#rule(service);
      if (rule === undefined) continue;
      for (const state of servers.values()) next = Math.min(next, holdEnds(state, rule) ?? next);
    }
    if (next === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(this.#due, Math.max(1, next - Date.now()));
  }
}

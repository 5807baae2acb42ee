/** What operators say of servers: found by name, kept in a file, told, and ended at its deadline. */
import type { AdminRequest } from '../api/control.ts';
import { formatEndpoint, parseEndpoint } from '../core/address/address.ts';
import type { Turn } from '../core/health/history.ts';
import {
  type AdminChange,
  type AdminState,
  listOverrides,
  type Override,
  type Overrides,
  withChange,
  withDeadlines,
} from '../core/model/override.ts';
import { serviceKey, type VirtualService } from '../core/model/service.ts';
import type { Log } from '../observe/log.ts';
import type { Left } from './drains.ts';
import type { Histories } from './history.ts';
import type { OverridesFile } from './overrides-file.ts';

/** What it stands on. */
export interface OperatorsParts {
  readonly file: OverridesFile;
  readonly histories: Histories;
  readonly log: Log;
  /** Told when overrides are other ones than before. */
  readonly changed: () => void;
}

const TURN_TO: { readonly [S in AdminState]: Turn } = { up: 'enabled', drain: 'drained', down: 'disabled' };

/** The overrides in effect. */
export class Operators {
  readonly #parts: OperatorsParts;
  #overrides: Overrides;

  /** Throws an Error when the overrides cannot be read. */
  constructor(parts: OperatorsParts) {
    this.#parts = parts;
    this.#overrides = parts.file.load();
  }

  get overrides(): Overrides {
    return this.#overrides;
  }

  /**
   * Keeps what an operator says of the servers that `request.of` names, an address or an endpoint, in one service or in all.
   * Returns the servers; none if there is none of that name. Throws an Error when it cannot be kept; then nothing is changed.
   */
  say(request: AdminRequest, services: readonly VirtualService[]): AdminChange['servers'] {
    const all = this.#named(request, services);
    if (all.length === 0) return [];
    const { state, reason, deadline_ms } = request;
    const now = Date.now();
    const since = new Date(now).toISOString();
    const deadline = deadline_ms === undefined ? undefined : new Date(now + deadline_ms).toISOString();
    const said = { ...(reason !== undefined && { reason }), ...(deadline !== undefined && { deadline }) };
    this.#keep(withChange(this.#overrides, { servers: all, state, since, ...said }));
    const { histories, log } = this.#parts;
    for (const one of all) {
      histories.record(one.service, one.server, { at: since, to: TURN_TO[state], reason: reason ?? '' });
      log.info('admin_state', { ...one, state, ...said });
    }
    return all;
  }

  /** Disables whose drain is over, with what is left on them; returns them as they were. Throws an Error when it cannot be kept; then nothing is changed. */
  endDrains(left: (of: Override) => Left): readonly Override[] {
    const { overrides, ended } = withDeadlines(this.#overrides, new Date().toISOString());
    if (ended.length > 0) this.#keep(overrides);
    for (const one of ended) {
      const { connections } = left(one);
      const reason = `the drain is over, with ${connections} connection${connections === 1 ? '' : 's'} left`;
      this.#parts.histories.record(one.service, one.server, { at: one.deadline!, to: 'disabled', reason });
    }
    return ended;
  }

  #named({ of, service, state }: AdminRequest, services: readonly VirtualService[]): AdminChange['servers'] {
    const servers = services.flatMap((one) => {
      const key = serviceKey(one);
      const wanted = service === undefined || service === key;
      return wanted
        ? one.servers
            .filter((server) => server.address === of || formatEndpoint(server) === of)
            .map((server) => ({ service: key, server: formatEndpoint(server) }))
        : [];
    });
    // One that is no longer configured can still be forgotten.
    const dormant = listOverrides(this.#overrides).filter(
      (one) =>
        state === 'up' &&
        (service === undefined || service === one.service) &&
        (one.server === of || parseEndpoint(one.server)?.address === of) &&
        !servers.some((known) => known.service === one.service && known.server === one.server),
    );
    return [...servers, ...dormant.map((one) => ({ service: one.service, server: one.server }))];
  }

  #keep(overrides: Overrides): void {
    this.#parts.file.save(overrides);
    this.#overrides = overrides;
    this.#parts.changed();
  }
}

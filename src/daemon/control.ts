/** What a running director offers: the API's questions, answered by its parts or put into its queue. */
import { type Control, NotReady } from '../api/control.ts';
import { VERSION } from '../api/version.ts';
import { formatEndpoint } from '../core/address/address.ts';
import { NO_CHECKS } from '../core/health/scheduler.ts';
import { type AdminChange, listOverrides } from '../core/model/override.ts';
import { listRules } from '../core/model/rule-override.ts';
import { NO_BASELINE, servicesSince, verdictsSince, zeroed } from '../core/model/since.ts';
import type { Director } from './director.ts';
import type { EventRing } from './event-ring.ts';
import type { Health } from './health.ts';
import type { Planes } from './planes.ts';
import type { EventQueue } from './queue.ts';
import type { ReadConfig } from './read-config.ts';

/** The parts as they come to be; absent while the director is starting. */
export interface Parts {
  director?: Director;
  plane?: Planes;
  health?: Health;
  /** True once the first convergence is done. */
  started?: boolean;
}

const STARTING = 'the director is starting; ask again in a moment';

/** The offer. `read` is the configuration that it starts with. Until the first convergence it can only say that it is starting. */
export function control(
  read: ReadConfig,
  { queue, part, ring }: { queue: EventQueue; part: Parts; ring: EventRing },
): Control {
  const startedAt = new Date().toISOString();
  let baseline = NO_BASELINE;
  let zeroedAt: string | null = null;
  const plane = (): Planes => {
    if (part.plane === undefined) throw new NotReady(STARTING);
    return part.plane;
  };
  const director = (): Director => {
    if (part.director === undefined) throw new NotReady(STARTING);
    return part.director;
  };
  const started = (): void => {
    if (part.started !== true) throw new NotReady(STARTING);
  };
  return {
    status: () => ({
      version: VERSION,
      pid: process.pid,
      started_at: startedAt,
      config_file: read.file,
      plane: part.plane?.description ?? 'starting',
      memory: { resident: process.memoryUsage.rss(), kernel: part.plane?.kernelMemory ?? 0 },
      last_reload: part.director?.lastReload ?? { ok: true, at: startedAt, message: 'starting' },
      config_version: part.director?.inForce.version ?? read.version,
      counters_since: zeroedAt,
      checks: part.health?.scheduler ?? NO_CHECKS,
      dataplane: part.plane?.kind ?? null,
      dataplane_chosen: part.plane?.chosen ?? null,
      migration: part.plane?.migration ?? null,
      retiring: part.started === true ? plane().retiring(director().retireAfterMs) : [],
    }),
    services: async () => servicesSince(plane().counters(), baseline),
    servers: async () => {
      if (part.health === undefined) throw new NotReady(STARTING);
      return part.health.servers(servicesSince(plane().counters(), baseline));
    },
    history: () => {
      if (part.health === undefined) throw new NotReady(STARTING);
      return part.health.history;
    },
    overrides: () => {
      if (part.health === undefined) throw new NotReady(STARTING);
      return [
        ...listOverrides(part.health.overrides).map((one) => ({ kind: 'state' as const, ...one })),
        ...listRules(director().rules),
      ];
    },
    async changeRules(request) {
      started();
      return queue.ask((answer) => ({ kind: 'rules', request, answer }));
    },
    async dropOverrides(of) {
      started();
      return queue.ask((answer) => ({ kind: 'drop', of, answer }));
    },
    async writeOverrides({ dry_run: dry }) {
      started();
      return queue.ask((answer) => ({ kind: 'write-overrides', dry, answer }));
    },
    async setAdminState(request) {
      const { health } = part;
      if (health === undefined || part.started !== true) throw new NotReady(STARTING);
      const changed = await queue.ask<AdminChange['servers']>((answer) => ({
        kind: 'admin',
        request,
        answer,
      }));
      if (changed.length === 0) return undefined;
      const of = new Set(changed.map(({ service }) => service));
      const all = await health.servers(servicesSince(plane().counters(of), baseline), of);
      return all.filter((one) =>
        changed.some(({ service, server }) => service === one.service && server === formatEndpoint(one)),
      );
    },
    connections: (filter) => plane().connections(filter),
    verdicts: () => verdictsSince(plane().verdicts(), baseline),
    config: () => director().inForce,
    apply: (config, how) => queue.ask((answer) => ({ kind: 'apply', config, how, answer })),
    migrate: async (request) => {
      if (part.started !== true) throw new NotReady(STARTING);
      return queue.ask((answer) => ({ kind: 'migrate', request, answer }));
    },
    zero: async (service) => {
      const wanted = plane().counters(service === undefined ? undefined : new Set([service]));
      if (service !== undefined && wanted.length === 0) return [];
      baseline = zeroed(baseline, wanted, service === undefined ? plane().verdicts() : undefined);
      zeroedAt = new Date().toISOString();
      return wanted.map(({ key }) => key);
    },
    events: (from, signal) => ring.follow(from, signal),
    readiness: () =>
      part.started === true && part.director !== undefined
        ? part.director.readiness
        : { ready: false, detail: STARTING },
    diff: (config) => queue.ask((answer) => ({ kind: 'diff', config, answer })),
    reload: () => queue.ask((answer) => ({ kind: 'reload', answer })),
    down: () => queue.ask((answer) => ({ kind: 'down', answer })),
  };
}

/** What a director on Weir's own plane does, as a table of ipvsadm. What is changed by it overrides the configuration. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlClient } from '../api/client.ts';
import { familyOf } from '../core/address/address.ts';
import type { ServerCounters, ServiceCounters, Traffic } from '../core/model/counters.ts';
import { maskAddress, type Persistence } from '../core/model/persistence.ts';
import { isGroup, parseServiceKey, type ServiceKey } from '../core/model/service.ts';
import {
  type IpvsServiceId,
  type IpvsStats,
  ipvsServiceText,
  type ListedServer,
  type ListedService,
} from '../dataplane/ipvs/codec/values.ts';
import { KernelError } from '../kernel/errors.ts';
import { type Changing, daemonRules } from './daemon-rules.ts';
import { HOST_MASK } from './draft.ts';
import { ONE_PACKET, PERSISTENT, parseSchedulerFlags } from './flags.ts';
import type { ListedConnection } from './render-rest.ts';
import { type Table, TableRefusal } from './table.ts';
import { keyOf } from './to-rule.ts';

/** Of the daemon, so much is asked. */
export type Asked = Pick<ControlClient, 'status' | 'services' | 'connections' | 'zero'> & Changing;

/** Milliseconds between two looks at the counters, of which rates are made. */
const RATE_MS = 1000;
const NO_SUCH_SERVICE = 3;

const COUNTERS = ['conns', 'inpkts', 'outpkts', 'inbytes', 'outbytes'] as const;
const RATES = ['cps', 'inpps', 'outpps', 'inbps', 'outbps'] as const;

/** Numbers of two looks, the earlier absent where there was none. */
function statsOf(now: Traffic, before: Traffic | undefined): IpvsStats {
  const counts = COUNTERS.map((name) => BigInt(now[name]));
  const rates = COUNTERS.map((name) =>
    before === undefined ? 0n : BigInt(Math.max(0, now[name] - before[name])),
  );
  return Object.fromEntries([
    ...COUNTERS.map((name, i) => [name, counts[i]]),
    ...RATES.map((name, i) => [name, rates[i]]),
  ]) as unknown as IpvsStats;
}

/** The name of a service by ip_vs; undefined for one of several ports or addresses, which ip_vs has not. */
function idOf(key: ServiceKey): IpvsServiceId | undefined {
  const name = parseServiceKey(key);
  if (name === undefined || isGroup(name)) return undefined;
  const { protocol, address, port } = name;
  if (protocol === 'fwmark') return undefined;
  return { protocol, address, port };
}

function netmaskOf(id: IpvsServiceId, persistence: Persistence | undefined): ListedService['netmask'] {
  const family = 'fwmark' in id ? id.family : familyOf(id.address);
  if (family === 6) return persistence?.granularity ?? 128;
  return persistence === undefined ? HOST_MASK : maskAddress(4, persistence.granularity);
}

function serviceOf(id: IpvsServiceId, service: ServiceCounters, before?: ServiceCounters): ListedService {
  const { scheduler, scheduler_flags: flags = [], persistence, one_packet } = service;
  return {
    id,
    scheduler,
    flags:
      parseSchedulerFlags(flags.join(','), scheduler, undefined) |
      (persistence === undefined ? 0 : PERSISTENT) |
      (one_packet ? ONE_PACKET : 0),
    timeout: Math.round((persistence?.timeout ?? 0) / 1000),
    netmask: netmaskOf(id, persistence),
    stats: statsOf(service, before),
  };
}

function serverOf(server: ServerCounters, before?: ServerCounters): ListedServer {
  const { address, port, weight, active, inactive, templates } = server;
  return {
    address,
    port,
    forward: 'masq',
    weight,
    upper_threshold: server.upper_threshold ?? 0,
    lower_threshold: server.lower_threshold ?? 0,
    active,
    inactive,
    persistent: templates,
    stats: statsOf(server, before),
  };
}

const missing = (id: IpvsServiceId) => new KernelError(`look up ${ipvsServiceText(id)}`, NO_SUCH_SERVICE);

/** What is there, but for what only finishes its connections. */
const present = <T extends { readonly leaving: boolean }>(all: readonly T[]): readonly T[] =>
  all.filter(({ leaving }) => !leaving);

/** A table for the daemon whose configuration file is `file`; `by`: who asks. */
export function daemonTable(client: Asked, file: string, by: string): Table {
  const rules = daemonRules(client, { natOnly: true, by });
  let services: Promise<readonly ServiceCounters[]> | undefined;
  let before: ReadonlyMap<ServiceKey, ServiceCounters> = new Map();
  const look = () => {
    services ??= client.services();
    return services;
  };
  const find = async (id: IpvsServiceId): Promise<ServiceCounters> => {
    const key = keyOf(id);
    const found = present(await look()).find((one) => one.key === key);
    if (found === undefined) throw missing(id);
    return found;
  };
  /** What is listed after a change is asked for anew. */
  const changing = async <T>(change: Promise<T>): Promise<T> => {
    services = undefined;
    return change;
  };
  const fixed = (what: string) => {
    throw new TableRefusal(what);
  };
  return {
    info: async () => ({ version: '1.2.1', conn_tab_size: roomOf((await client.status()).plane) }),
    async listServices() {
      return present(await look()).flatMap((service) => {
        const id = idOf(service.key);
        return id === undefined ? [] : [serviceOf(id, service, before.get(service.key))];
      });
    },
    async getService(id) {
      const service = await find(id);
      return serviceOf(id, service, before.get(service.key));
    },
    async listServers(id) {
      const service = await find(id);
      const earlier = before.get(service.key)?.servers ?? [];
      return present(service.servers).map((one) =>
        serverOf(
          one,
          earlier.find(({ address, port }) => address === one.address && port === one.port),
        ),
      );
    },
    async measureRates() {
      before = new Map((await client.services()).map((service) => [service.key, service]));
      await sleep(RATE_MS);
    },
    async *connections() {
      for await (const chunk of client.connections({ filter: {} }))
        for (const { protocol, state, expires_ms, client: from, virtual, server: to } of chunk)
          yield {
            protocol: protocol.toUpperCase(),
            client: from,
            virtual,
            server: to,
            // ip_vs has no name for the state of a template.
            state: state === 'TEMPLATE' ? 'NONE' : state,
            expires: Math.floor(expires_ms / 1000),
          } satisfies ListedConnection;
    },
    async zero(id) {
      const key = id && keyOf(id);
      const zeroed = id === undefined || key !== undefined ? await client.zero(key) : [];
      if (id !== undefined && zeroed.length === 0) throw missing(id);
    },
    getTimeouts() {
      throw new TableRefusal(`each service of this director has time-outs of its own, in ${file}`);
    },
    listDaemons: () => [],
    addService: (service) => changing(rules.change({ kind: 'add-service', service })),
    setService: (service) => changing(rules.change({ kind: 'edit-service', service })),
    delService: (id) => changing(rules.change({ kind: 'delete-service', id })),
    addServer: (id, server) => changing(rules.change({ kind: 'add-server', id, server })),
    setServer: (id, server) => changing(rules.change({ kind: 'edit-server', id, server })),
    delServer: (id, server) => changing(rules.change({ kind: 'delete-server', id, server })),
    changesAtOnce: Number.POSITIVE_INFINITY,
    changeAll: (changes) => changing(rules.changeAll(changes)),
    flush: () => changing(rules.flush()),
    replace: (all) => changing(rules.replace(all)),
    setTimeouts: () => fixed(`each service of this director has time-outs of its own, in ${file}`),
    startDaemon: () => fixed(NO_SYNC),
    stopDaemon: () => fixed(NO_SYNC),
    close() {},
  };
}

const NO_SYNC = 'sync daemons are on the plane `dataplane: ipvs` alone';

/** How many connections there is room for, by the plane's own description; 0 where it does not say. */
const roomOf = (plane: string): number => Number(/room for (\d+)/.exec(plane)?.[1] ?? 0);

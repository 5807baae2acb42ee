/** The eBPF plane before and after ip_vs, which comes behind it on each interface (docs/decisions/0027). */
import { addressBytes, familyOf, formatEndpoint } from '../../core/address/address.ts';
import type { Connection } from '../../core/model/connection.ts';
import { parseServiceKey, type ServiceKey } from '../../core/model/service.ts';
import { isOver } from '../over.ts';
import type { Adoption, Handover } from '../port.ts';
import * as contract from './contract.generated.ts';
import { jiffiesIn } from './records.ts';
import { numberOf, type Registry, type ServerEntry, type ServiceEntry } from './registry.ts';
import type { Retirement } from './retirement.ts';
import type { Tables } from './tables.ts';
import { addressWords, swapPort } from './words.ts';

/** What it works on. */
export interface HandoverParts {
  readonly tables: Tables;
  readonly registry: Registry;
  readonly retirement: Retirement;
  readonly hz: number;
  /** All connections that are in the tables. */
  readonly list: () => AsyncIterable<readonly Connection[]>;
}

const { WEIR_ELDER_NONE, WEIR_ELDER_LEADS, WEIR_ELDER_FINISHES } = contract;

/** The handover of one plane. */
export function openHandover(parts: HandoverParts): Handover {
  const { tables, registry, retirement } = parts;
  const set = (change: Partial<contract.WeirSettings>): void => tables.settings.change(change);
  return {
    wait: () => set({ elder: WEIR_ELDER_LEADS, no_new_since: 0 }),
    lead: () => set({ elder: WEIR_ELDER_FINISHES, no_new_since: 0 }),
    yield: () => {
      const { no_new_since } = tables.settings.get(0);
      set({ elder: WEIR_ELDER_NONE, no_new_since: no_new_since || Math.max(1, uptimeSeconds()) });
      retirement.begin();
      prune(tables, new Set());
    },
    alone: () => {
      set({ elder: WEIR_ELDER_NONE });
      prune(tables, new Set());
    },
    adopt: async (connections) => {
      const isFinishing = tables.settings.get(0).elder === WEIR_ELDER_FINISHES;
      const work = new Adopting(parts);
      for await (const chunk of connections) for (const one of chunk) work.take(one);
      // What ip_vs does not have any more is not kept for it; while it takes new ones, there are some that were not listed.
      if (isFinishing) prune(tables, work.kept);
      return work.done;
    },
    async *own() {
      for await (const chunk of parts.list())
        yield chunk.filter((one) => {
          const service = serviceOf(registry, one);
          return service === undefined || !isOver(one, service.service.timeouts.time_wait);
        });
    },
  };
}

/** Seconds of CLOCK_MONOTONIC. */
const uptimeSeconds = (): number => Number(process.hrtime.bigint() / 1_000_000_000n);

function serviceOf({ services }: Registry, { protocol, virtual }: Connection): ServiceEntry | undefined {
  const own = services.get(`${protocol} ${formatEndpoint(virtual)}` as ServiceKey);
  const every = () => services.get(`${protocol} ${formatEndpoint({ ...virtual, port: 0 })}` as ServiceKey);
  const found = own ?? every();
  return found?.published === true && parseServiceKey(found.key) !== undefined ? found : undefined;
}

/** One of every port has no port of its own in the table. */
const serverOf = ({ servers }: ServiceEntry, { server }: Connection): ServerEntry | undefined =>
  servers.get(formatEndpoint(server)) ?? servers.get(formatEndpoint({ ...server, port: 0 }));

const nameOf = (key: contract.WeirElderKey): string =>
  [key.protocol, key.client.join('.'), key.client_port, key.virtual_ip.join('.'), key.virtual_port].join(' ');

/** Forgets what is noted of clients' packets, `kept` excepted. */
function prune({ elders }: Tables, kept: ReadonlySet<string>): void {
  let key = elders.next(undefined);
  while (key !== undefined) {
    const next = elders.next(key);
    if (!kept.has(nameOf(key))) elders.delete(key);
    key = next;
  }
}

/** One round through another plane's connections. */
class Adopting {
  readonly #parts: HandoverParts;
  readonly #counts = { connections: 0, templates: 0, left: 0, forgotten: 0 };
  /** What has to stay noted as the other plane's. */
  readonly kept = new Set<string>();

  constructor(parts: HandoverParts) {
    this.#parts = parts;
  }

  get done(): Adoption {
    return this.#counts;
  }

  take(one: Connection): void {
    const counts = this.#counts;
    const isTemplate = one.state === 'TEMPLATE';
    const isOurs = (isTemplate || one.protocol === 'udp') && this.#adopt(one);
    if (isTemplate) counts[isOurs ? 'templates' : 'forgotten']++;
    else if (isOurs) counts.connections++;
    else {
      counts.left++;
      // A SYN of it may come again, and a datagram says nothing of where the ones before it went.
      if (one.state === 'UDP' || one.state === 'SYN_RECV') this.#note(one);
    }
  }

  #note({ protocol, client, virtual }: Connection): void {
    const key = {
      client: addressWords(client.address),
      virtual_ip: addressWords(virtual.address),
      client_port: swapPort(client.port),
      virtual_port: swapPort(virtual.port),
      protocol: numberOf(protocol),
      family: familyOf(client.address),
      reserved: 0,
    };
    this.kept.add(nameOf(key));
    this.#parts.tables.elders.set(key, 0);
  }

  /** Whether it is in the tables now. */
  #adopt(one: Connection): boolean {
    const { tables, registry, hz } = this.#parts;
    const service = serviceOf(registry, one);
    const server = service && serverOf(service, one);
    if (service === undefined || server === undefined) return false;
    const { timeouts, persistence } = service.service;
    const isTemplate = one.state === 'TEMPLATE';
    const lasts = isTemplate ? (persistence?.timeout ?? 0) : timeouts.udp;
    const task = new Uint8Array(contract.LAYOUTS.weir_adopt.size);
    const view = new DataView(task.buffer);
    contract.writeWeirAdopt(view, 0, {
      client: addressWords(one.client.address),
      virtual_ip: addressWords(one.virtual.address),
      client_port: isTemplate ? 0 : swapPort(one.client.port),
      virtual_port: swapPort(one.virtual.port),
      protocol: numberOf(one.protocol),
      family: addressBytes(one.client.address).length === 4 ? 4 : 6,
      template: isTemplate ? 1 : 0,
      reserved: 0,
      slot: service.slot,
      server: server.id,
      age: jiffiesIn(Math.max(0, lasts - one.expires_ms), hz),
      result: 0,
    });
    tables.bpf.runSyscall(tables.programs.adopt, task);
    return contract.readWeirAdopt(view).result !== contract.WEIR_ADOPTED_NOT;
  }
}

/** What is seen of Weir's services in ip_vs's table: all of them at the start, then some at a time, as looking takes its time. */
import { setImmediate } from 'node:timers/promises';
import type { ServiceKey, VirtualService } from '../../core/model/service.ts';
import type { PlaneState } from '../port.ts';
import type { IpvsTimeouts } from './codec/values.ts';
import { damageOf } from './difference.ts';
import { find, hasTimeouts, type Listed, listAll, type Table } from './publish.ts';
import type { ServiceRecord } from './record.ts';

/** Services that are looked at before the event loop gets its turn: some ten milliseconds. */
const CHUNK = 100;

/** Looks at the table, and knows what it has seen. */
export interface Inspector {
  /** Looks at every service, from where the last look has ended; ends when `leave` says that a change is waiting. */
  look(leave: () => boolean): Promise<void>;
  /** The service has just been published, as a whole or, where something was refused, in part. */
  published(key: ServiceKey, whole: boolean): void;
  observe(): Pick<PlaneState, 'services' | 'damaged'>;
}

/** An inspector that has not looked yet. */
export function openInspector(table: Table, record: ServiceRecord): Inspector {
  /** What is wrong with a service; null where it is not there at all. */
  const wrong = new Map<ServiceKey, string | null>();
  let timeouts: IpvsTimeouts | undefined;
  let hasLooked = false;
  let rest: ServiceKey[] = [];
  const lookAt = (key: ServiceKey, listed: Listed): void => {
    const own = record.services.get(key);
    wrong.delete(key);
    if (own === undefined || own.leaving) return;
    const found = find(table, own.service, listed);
    const words = found === undefined ? null : damageOf(own.service, found);
    if (words !== undefined) wrong.set(key, words);
  };
  return {
    look: async (leave) => {
      timeouts = undefined;
      if (rest.length === 0) rest = [...record.services.keys()];
      if (rest.length === 0) return;
      // With one question for all services; only their servers have to be asked for one by one.
      const listed = listAll(table);
      while (rest.length > 0) {
        for (const key of rest.splice(0, CHUNK)) lookAt(key, listed);
        await setImmediate();
        if (leave()) return;
      }
    },
    published: (key, whole) => {
      timeouts = undefined;
      if (whole) wrong.delete(key);
      else wrong.set(key, 'published in part');
    },
    observe: () => {
      if (!hasLooked && record.services.size > 0) {
        const listed = listAll(table);
        for (const key of record.services.keys()) lookAt(key, listed);
      }
      hasLooked = true;
      timeouts ??= table.getTimeouts();
      return withTimeouts(timeouts, stateOf(record, wrong));
    },
  };
}

/** Services that are there, and what is wrong with them. */
function stateOf(record: ServiceRecord, wrong: ReadonlyMap<ServiceKey, string | null>) {
  const services = new Map<ServiceKey, VirtualService>();
  const damaged = new Map<ServiceKey, string>();
  for (const [key, { service, leaving }] of record.services) {
    const words = wrong.get(key);
    if (leaving || words === null) continue;
    services.set(key, service);
    if (words !== undefined) damaged.set(key, words);
  }
  return { services, damaged };
}

/** All services share ip_vs's time-outs: one of a protocol that is published again puts them right for all. */
function withTimeouts(timeouts: IpvsTimeouts, state: ReturnType<typeof stateOf>): ReturnType<typeof stateOf> {
  const complained = new Set<string>();
  for (const [key, service] of state.services) {
    if (complained.has(service.protocol) || hasTimeouts(timeouts, service)) continue;
    complained.add(service.protocol);
    const { tcp, tcp_fin, udp } = timeouts;
    if (!state.damaged.has(key))
      state.damaged.set(key, `time-outs of ip_vs ${tcp} ${tcp_fin} ${udp} s (tcp tcpfin udp)`);
  }
  return state;
}

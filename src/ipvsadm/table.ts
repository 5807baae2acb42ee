/** The table that ipvsadm works on: the kernel's ip_vs, or what Weir's daemon answers for. */
import type { IpvsChange } from '../dataplane/ipvs/changes.ts';
import type { IpvsTable } from '../dataplane/ipvs/table.ts';
import type { ListedConnection } from './render-rest.ts';
import type { Ruleset } from './replace.ts';

/** What may be had at once or has to be waited for. */
type Soon<T> = T | Promise<T>;

/** Methods of which each may be one to wait for. */
type Awaitable<T> = {
  readonly [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: A) => Soon<R> : never;
};

/**
 * All that ipvsadm does. What the table refuses is an Error with a `code` by the kernel's names (`EEXIST`, `ESRCH` …), or
 * a `TableRefusal`.
 */
export interface Table
  extends Awaitable<
    Pick<
      IpvsTable,
      | 'info'
      | 'listServices'
      | 'getService'
      | 'listServers'
      | 'addService'
      | 'setService'
      | 'delService'
      | 'addServer'
      | 'setServer'
      | 'delServer'
      | 'zero'
      | 'flush'
      | 'getTimeouts'
      | 'setTimeouts'
      | 'listDaemons'
      | 'startDaemon'
      | 'stopDaemon'
      | 'close'
    >
  > {
  /** Makes changes in order; what is refused, by their places, keeps none of the later ones from being made. */
  changeAll(changes: readonly IpvsChange[]): Soon<ReadonlyMap<number, unknown>>;
  /** As many of them may be given at a time; 1,024 where it does not say. */
  readonly changesAtOnce?: number;
  /** Makes these services all there are, at once; where there is none such, it is done change by change. Says what is refused. */
  replace?(services: Ruleset['services']): Promise<readonly RefusedChange[]>;
  /** Waits as long as it takes to tell how fast counters rise, where the table does not know by itself. */
  measureRates?(): Promise<void>;
  /** Connections and templates, in the table's own order. */
  connections(): Iterable<ListedConnection> | AsyncIterable<ListedConnection>;
}

/** A change that was refused, of many. */
export interface RefusedChange {
  readonly kind: IpvsChange['kind'] | 'flush';
  readonly error: unknown;
}

/** A refusal that has words of its own. */
export class TableRefusal extends Error {
  override readonly name = 'TableRefusal';
}

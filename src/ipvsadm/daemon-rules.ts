/** Changes that Weir's daemon makes, as overrides of its configuration. */
import type { ControlClient } from '../api/client.ts';
import type { RefusedRule } from '../api/control.ts';
import type { RuleChange } from '../core/model/rule.ts';
import type { IpvsChange } from '../dataplane/ipvs/changes.ts';
import { KernelError } from '../kernel/errors.ts';
import type { Ruleset } from './replace.ts';
import { type RefusedChange, TableRefusal } from './table.ts';
import { ruleChangeOf } from './to-rule.ts';

/** Of the daemon, so much is asked. */
export type Changing = Pick<ControlClient, 'changeRules'>;

/** The daemon's part of a table. */
export interface DaemonRules {
  /** Rejects with what it is refused for. */
  change(change: IpvsChange): Promise<void>;
  /** In one request and one plan; what is refused, by their places. */
  changeAll(changes: readonly IpvsChange[]): Promise<ReadonlyMap<number, unknown>>;
  flush(): Promise<void>;
  /** In one request and one plan: these services are all there are; where something is refused, nothing changes. */
  replace(services: Ruleset['services']): Promise<readonly RefusedChange[]>;
}

const ERRNO = { ENOENT: 2, ESRCH: 3, EEXIST: 17 } as const;

const errorOf = ({ code, text }: RefusedRule): unknown =>
  code === undefined ? new TableRefusal(text ?? 'refused') : new KernelError('change the rules', ERRNO[code]);

/** What makes rules in order. */
export function* changesFor(services: Ruleset['services']): Generator<IpvsChange> {
  for (const { service, servers } of services.values()) {
    yield { kind: 'add-service', service };
    for (const server of servers.values()) yield { kind: 'add-server', id: service.id, server };
  }
}

/** `natOnly`: the plane forwards by network address translation alone; `by`: who asks. */
export function daemonRules(
  client: Changing,
  { natOnly, by }: { readonly natOnly: boolean; readonly by: string },
): DaemonRules {
  const toRule = (change: IpvsChange): RuleChange => {
    if (natOnly && 'server' in change && 'forward' in change.server && change.server.forward !== 'masq')
      throw new TableRefusal(
        'direct routing and tunnels are on the plane `dataplane: ipvs` alone; this director needs -m',
      );
    return ruleChangeOf(change);
  };
  const send = async (
    changes: readonly IpvsChange[],
    { first = [], together = false }: { first?: readonly RuleChange[]; together?: boolean },
  ): Promise<ReadonlyMap<number, unknown>> => {
    const refused = new Map<number, unknown>();
    const places: number[] = [];
    const rules: RuleChange[] = [];
    for (const [i, change] of changes.entries()) {
      try {
        rules.push(toRule(change));
        places.push(i);
      } catch (error) {
        refused.set(i, error);
      }
    }
    if (together && refused.size > 0) return refused;
    const all = [...first, ...rules];
    if (all.length === 0) return refused;
    const done = await client.changeRules({ changes: all, by, ...(together && { together }) });
    for (const one of done.refused) refused.set(places[one.at - first.length] ?? -1, errorOf(one));
    return new Map([...refused].sort(([a], [b]) => a - b));
  };
  return {
    async change(change) {
      const [refusal] = (await send([change], {})).values();
      if (refusal !== undefined) throw refusal;
    },
    changeAll: (changes) => send(changes, {}),
    async flush() {
      await send([], { first: [{ kind: 'flush' }] });
    },
    async replace(services) {
      const changes = [...changesFor(services)];
      const refused = await send(changes, { first: [{ kind: 'flush' }], together: true });
      return [...refused].map(([i, error]) => ({ kind: changes[i]?.kind ?? 'flush', error }));
    },
  };
}

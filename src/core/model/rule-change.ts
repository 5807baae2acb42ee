/** Commands of ipvsadm → the overrides after them: how they differ from what is configured, whatever way led there. */

import {
  differenceOf,
  type Known,
  knownIn,
  type RuleChange,
  type ServerRule,
  type ServiceRule,
  serverRule,
  serviceRule,
} from './rule.ts';
import {
  listRules,
  type RuleOverride,
  type RuleOverrides,
  type RuleState,
  rulesOf,
  type Said,
} from './rule-override.ts';
import { type ServiceKey, serviceKey, type VirtualService } from './service.ts';

/** Why a command is refused, by the kernel's names: there is such a thing; no such service; no such server. */
export type RuleRefusal = 'EEXIST' | 'ESRCH' | 'ENOENT';

/** What is said of something; undefined: it is as configured. */
interface Word<R> {
  readonly change: RuleState;
  readonly rule: Partial<R>;
}

interface Draft {
  readonly known: Known | undefined;
  word: Word<ServiceRule> | undefined;
  readonly servers: Map<string, Word<ServerRule>>;
}

/** The overrides after these commands, done one after the other, and by their places which are refused; those change nothing. */
export function afterChanges(
  services: readonly VirtualService[],
  before: RuleOverrides,
  changes: readonly RuleChange[],
  said: Said,
): { readonly overrides: RuleOverrides; readonly refused: ReadonlyMap<number, RuleRefusal> } {
  const known = knownIn(services);
  const drafts = new Map<ServiceKey, Draft>();
  const draftOf = (key: ServiceKey): Draft => {
    const there = drafts.get(key);
    if (there !== undefined) return there;
    const of = before.get(key);
    const draft: Draft = { known: known(key), word: of?.service, servers: new Map(of?.servers ?? []) };
    drafts.set(key, draft);
    return draft;
  };
  // In the order in which they were said.
  for (const key of before.keys()) draftOf(key);
  const refused = new Map<number, RuleRefusal>();
  changes.forEach((change, i) => {
    if (change.kind === 'flush') {
      for (const service of services) remove(draftOf(serviceKey(service)));
      for (const draft of drafts.values()) remove(draft);
      return;
    }
    const why =
      'server' in change
        ? changeServer(draftOf(change.service), change)
        : changeService(draftOf(change.service), change);
    if (why !== undefined) refused.set(i, why);
  });
  return { overrides: collect(drafts, before, said), refused };
}

const isThere = ({ known, word }: Draft): boolean =>
  word === undefined ? known !== undefined : word.change !== 'removed';

function remove(draft: Draft): void {
  draft.word = draft.known === undefined ? undefined : { change: 'removed', rule: {} };
  draft.servers.clear();
}

type OfKind<K extends RuleChange['kind']> = Extract<RuleChange, { readonly kind: K }>;

function changeService(
  draft: Draft,
  change: OfKind<'add-service' | 'edit-service' | 'delete-service'>,
): RuleRefusal | undefined {
  const exists = isThere(draft);
  if (exists === (change.kind === 'add-service')) return exists ? 'EEXIST' : 'ESRCH';
  if (change.kind === 'delete-service') {
    remove(draft);
    return undefined;
  }
  const { known } = draft;
  if (change.kind === 'add-service')
    for (const server of known?.servers.keys() ?? [])
      draft.servers.set(server, { change: 'removed', rule: {} });
  draft.word =
    known === undefined
      ? { change: 'added', rule: change.rule }
      : editedWord(differenceOf(serviceRule(known.service), change.rule));
  return undefined;
}

function changeServer(
  draft: Draft,
  change: OfKind<'add-server' | 'edit-server' | 'delete-server'>,
): RuleRefusal | undefined {
  if (!isThere(draft)) return 'ESRCH';
  const { servers } = draft;
  const { server: name } = change;
  const configured = draft.known?.servers.get(name);
  const word = servers.get(name);
  const exists = word === undefined ? configured !== undefined : word.change !== 'removed';
  if (exists === (change.kind === 'add-server')) return exists ? 'EEXIST' : 'ENOENT';
  const next = wordFor(change, configured);
  if (next === undefined) servers.delete(name);
  else servers.set(name, next);
  return undefined;
}

function wordFor(
  change: OfKind<'add-server' | 'edit-server' | 'delete-server'>,
  configured: Parameters<typeof serverRule>[0] | undefined,
): Word<ServerRule> | undefined {
  if (change.kind === 'delete-server')
    return configured === undefined ? undefined : { change: 'removed', rule: {} };
  if (configured === undefined) return { change: 'added', rule: change.rule };
  return editedWord(differenceOf(serverRule(configured), change.rule));
}

const editedWord = <R>(rule: Partial<R>): Word<R> | undefined =>
  Object.keys(rule).length === 0 ? undefined : { change: 'edited', rule };

/** What stays as it was said keeps who said it, and when. */
function collect(drafts: ReadonlyMap<ServiceKey, Draft>, before: RuleOverrides, said: Said): RuleOverrides {
  const list: RuleOverride[] = [];
  for (const [service, { word, servers }] of drafts) {
    const was = before.get(service);
    if (word !== undefined)
      list.push(kept(was?.service, word) ?? { kind: 'service', service, ...word, ...said });
    for (const [server, one] of servers)
      list.push(kept(was?.servers.get(server), one) ?? { kind: 'server', service, server, ...one, ...said });
  }
  const same = listRules(before);
  return list.length === same.length && list.every((one, i) => one === same[i]) ? before : rulesOf(list);
}

function kept<T extends RuleOverride>(was: T | undefined, { change, rule }: Word<object>): T | undefined {
  const isSame = was?.change === change && JSON.stringify(was.rule) === JSON.stringify(rule);
  return isSame ? was : undefined;
}

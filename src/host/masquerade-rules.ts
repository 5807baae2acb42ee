/** Weir's nftables table as nft's JSON (libnftables-json(5)), written and read back; pure. */
import { z } from 'zod';
import { familyOf, networkOf, parseAddress } from '../core/address/address.ts';
import type { Masquerade } from '../core/model/host.ts';
import { masqueradeKey } from '../core/model/host.ts';
import { HostError } from './errors.ts';

/** The one table that Weir owns; others' are never touched. The family inet serves IPv4 and IPv6 (nft(8)). */
export const TABLE = { family: 'inet', name: 'weir' } as const;

/** The chain, at the priority that nft(8) calls srcnat. */
const CHAIN = { ...TABLE, table: TABLE.name, name: 'postrouting' } as const;
const HOOK = { type: 'nat', hook: 'postrouting', prio: 100, policy: 'accept' } as const;

/** What the table holds. */
export interface MasqueradeTable {
  /** The rules in it that are of the kind Weir makes. */
  readonly rules: readonly Masquerade[];
  /** True if the table holds just that: the chain as Weir makes it, no rule twice, nothing of others'. */
  readonly intact: boolean;
}

/** The rule with the host bits of its source cleared, which is how nft shows it. */
export function canonicalMasquerade(rule: Masquerade): Masquerade {
  return { source: networkOf(rule.source), interface: rule.interface };
}

/**
 * The commands that make the table hold exactly these rules, whatever was in it: one transaction (nft(8), "ATOMIC
 * RULESET"), so that no packet meets half of it. The first `add` lets the `delete` succeed where there was no table.
 */
export function replaceTable(rules: readonly Masquerade[]): string {
  const distinct = new Map(rules.map(canonicalMasquerade).map((rule) => [masqueradeKey(rule), rule]));
  return commands([
    { add: { table: TABLE } },
    { delete: { table: TABLE } },
    { add: { table: TABLE } },
    { add: { chain: { ...CHAIN, ...HOOK } } },
    ...[...distinct.values()].map((rule) => ({ add: { rule: ruleOf(rule) } })),
  ]);
}

/** The commands that remove the table; as above, no error if there is none. */
export function removeTable(): string {
  return commands([{ add: { table: TABLE } }, { delete: { table: TABLE } }]);
}

function commands(list: readonly object[]): string {
  return JSON.stringify({ nftables: list });
}

function ruleOf({ source, interface: name }: Masquerade): object {
  // A `*` at the end would match any interface that begins so, and `@` would name a set (nft(8), "SETS").
  if (!/^[\w.:-][\w.:@-]{0,14}$/.test(name)) {
    throw new HostError(name, 'this interface name cannot stand in an nftables rule; rename the interface');
  }
  const protocol = familyOf(source.address) === 4 ? 'ip' : 'ip6';
  const prefix = { addr: source.address, len: source.length };
  return {
    family: TABLE.family,
    table: TABLE.name,
    chain: CHAIN.name,
    expr: [
      { match: { op: '==', left: { payload: { protocol, field: 'saddr' } }, right: { prefix } } },
      { match: { op: '==', left: { meta: { key: 'oifname' } }, right: name } },
      { masquerade: null },
    ],
  };
}

const item = z.record(z.string(), z.unknown());
const listing = z.object({ nftables: z.array(item) });
const source = z.union([
  z.string().transform((addr) => ({ addr, len: undefined })),
  z
    .strictObject({ prefix: z.strictObject({ addr: z.string(), len: z.int() }) })
    .transform((one) => one.prefix),
]);
const saddr = z.strictObject({ protocol: z.enum(['ip', 'ip6']), field: z.literal('saddr') });
const sourceMatch = z.strictObject({
  match: z.strictObject({ op: z.literal('=='), left: z.strictObject({ payload: saddr }), right: source }),
});
const oifname = z.strictObject({ meta: z.strictObject({ key: z.literal('oifname') }) });
const interfaceMatch = z.strictObject({
  match: z.strictObject({ op: z.literal('=='), left: oifname, right: z.string() }),
});
const rule = z.object({
  chain: z.literal(CHAIN.name),
  expr: z.tuple([sourceMatch, interfaceMatch, z.strictObject({ masquerade: z.null() })]),
});
const chain = z.object({
  name: z.literal(CHAIN.name),
  type: z.literal(HOOK.type),
  hook: z.literal(HOOK.hook),
  prio: z.literal(HOOK.prio),
  policy: z.literal(HOOK.policy),
});
/** A flag such as dormant would switch the whole table off. */
const table = z.object({ name: z.literal(TABLE.name), flags: z.undefined().optional() });

/** Reads what `nft -j list table inet weir` prints; undefined if that is not nft's JSON. */
export function readTable(text: string): MasqueradeTable | undefined {
  const parsed = listing.safeParse(parseJson(text));
  if (!parsed.success) return undefined;
  const rules = new Map<string, Masquerade>();
  let chains = 0;
  let intact = true;
  for (const entry of parsed.data.nftables) {
    if ('metainfo' in entry) continue;
    if ('table' in entry) intact &&= table.safeParse(entry['table']).success;
    else if ('chain' in entry) {
      chains += 1;
      intact &&= chain.safeParse(entry['chain']).success;
    } else {
      const found = readRule(entry['rule']);
      if (found === undefined || rules.has(masqueradeKey(found))) intact = false;
      else rules.set(masqueradeKey(found), found);
    }
  }
  return { rules: [...rules.values()], intact: intact && chains === 1 };
}

/** Undefined for a rule that Weir would not make. */
function readRule(value: unknown): Masquerade | undefined {
  const parsed = rule.safeParse(value);
  if (!parsed.success) return undefined;
  const [from, out] = parsed.data.expr;
  const address = parseAddress(from.match.right.addr);
  if (address === undefined) return undefined;
  const length = from.match.right.len ?? (familyOf(address) === 4 ? 32 : 128);
  return { source: { address, length }, interface: out.match.right };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

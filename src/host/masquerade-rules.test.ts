import { describe, expect, it } from 'vitest';
import { parsePrefix } from '../core/address/address.ts';
import type { Masquerade } from '../core/model/host.ts';
import { readTable, replaceTable } from './masquerade-rules.ts';

const rule = (source: string, name = 'eth0'): Masquerade => ({
  source: parsePrefix(source)!,
  interface: name,
});
const RULES = [rule('192.168.1.0/24'), rule('192.168.2.9/32'), rule('fd00:1::/64'), rule('::/0')];

type Entry = Record<string, Record<string, unknown>>;

/** What nft 1.0.6 prints for the table, in its own forms: handles, and a full-length prefix as a bare address. */
function listing(rules: readonly Masquerade[], change: (entries: Entry[]) => void = () => {}): string {
  const added = JSON.parse(replaceTable(rules)).nftables.slice(2) as { add: Entry }[];
  const entries = added.map((one) => one.add);
  for (const entry of entries) for (const value of Object.values(entry)) value['handle'] = 1;
  const metainfo = { version: '1.0.6', release_name: 'Lester Gooch #5', json_schema_version: 1 };
  change(entries);
  const text = JSON.stringify({ nftables: [{ metainfo }, ...entries] });
  return text.replace('{"prefix":{"addr":"192.168.2.9","len":32}}', '"192.168.2.9"');
}

describe('the table', () => {
  it('read back is what was written', () => {
    expect(readTable(listing(RULES))).toEqual({ rules: RULES, intact: true });
    expect(readTable(listing([]))).toEqual({ rules: [], intact: true });
  });

  it('is replaced in one transaction that works whether or not it was there', () => {
    const { nftables } = JSON.parse(replaceTable([RULES[0]!]));
    expect(nftables.map((one: object) => JSON.stringify(Object.entries(one)[0]).slice(0, 18))).toEqual([
      '["add",{"table":{"',
      '["delete",{"table"',
      '["add",{"table":{"',
      '["add",{"chain":{"',
      '["add",{"rule":{"f',
    ]);
  });

  it('holds a rule once, its host bits cleared', () => {
    const twice = replaceTable([rule('192.168.1.1/24'), rule('192.168.1.2/24')]);
    expect(twice.match(/"addr":"192\.168\.1\.0"/g)).toHaveLength(1);
  });

  it.each<[string, (entries: Entry[]) => void]>([
    [
      'a rule of others',
      (entries) => entries.push({ rule: { chain: 'postrouting', expr: [{ drop: null }] } }),
    ],
    ['a rule twice', (entries) => entries.push(entries.at(-1)!)],
    [
      'a counter in a rule',
      (entries) => (entries.at(-1)!['rule']!['expr'] as unknown[]).push({ counter: null }),
    ],
    ['another chain', (entries) => entries.push({ chain: { name: 'mine' } })],
    ['another policy', (entries) => Object.assign(entries[1]!['chain']!, { policy: 'drop' })],
    ['another priority', (entries) => Object.assign(entries[1]!['chain']!, { prio: 0 })],
    ['no chain', (entries) => entries.splice(1, 1)],
    ['a table switched off', (entries) => Object.assign(entries[0]!['table']!, { flags: ['dormant'] })],
    ['a set', (entries) => entries.push({ set: { name: 'mine' } })],
  ])('with %s is not intact', (_, change) => {
    expect(readTable(listing(RULES, change))).toMatchObject({ intact: false });
  });

  it('is not read from anything else', () => {
    expect(readTable('table inet weir {}')).toBeUndefined();
    expect(readTable('{"nftables": 3}')).toBeUndefined();
  });

  it.each(['eth*', '@set', 'a"b', 'a\nb', ''])('takes no interface name like %j', (name) => {
    expect(() => replaceTable([rule('10.0.0.0/8', name)])).toThrow(/cannot stand in an nftables rule/);
  });
});

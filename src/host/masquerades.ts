/** Keeps the masquerade rules in Weir's own nftables table; they concern only connections that real servers open. */
import { type Masquerade, masqueradeKey } from '../core/model/host.ts';
import type { DesiredState } from '../core/plan/states.ts';
import { HostError } from './errors.ts';
import { canonicalMasquerade, removeTable, replaceTable, TABLE } from './masquerade-rules.ts';
import { applyNft, listTable } from './nft.ts';
import { type Originals, withMasquerade, withoutMasquerade } from './originals.ts';
import type { OriginalsFile } from './originals-file.ts';

/**
 * The rules that the table holds, of those desired and those recorded. In a table that somebody edited no desired rule
 * counts as there, and every other recorded one does, so that a plan has a step, and any step makes the whole table anew.
 */
export async function observeMasquerade(
  program: string,
  desired: DesiredState['masquerade'],
  record: Originals,
): Promise<ReadonlyMap<string, Masquerade>> {
  // A table without a record is somebody else's; and without a rule to look for, a host needs no nft.
  if (record.masquerade.length === 0) return new Map();
  const table = await listTable(program);
  if (table === undefined) return new Map();
  const recorded = new Map(record.masquerade.map((rule) => [masqueradeKey(rule), rule]));
  const known = new Set(record.masquerade.map(nftKey));
  const held = new Set(table.rules.map(masqueradeKey));
  const edited = !table.intact || [...held].some((key) => !known.has(key));
  const there = (key: string, rule: Masquerade) => (edited ? !desired.has(key) : held.has(nftKey(rule)));
  return new Map([...recorded, ...desired].filter(([key, rule]) => there(key, rule)));
}

/** What names the rule as nft shows it. */
function nftKey(rule: Masquerade): string {
  return masqueradeKey(canonicalMasquerade(rule));
}

/**
 * Adds a rule, recorded first, and makes the table anew in one transaction. The record stays even if nft fails, for a
 * transaction that timed out may have been carried out; a record of what is not there does no harm.
 */
export async function addRecordedMasquerade(
  file: OriginalsFile,
  program: string,
  rule: Masquerade,
): Promise<void> {
  const before = file.load();
  if (before.masquerade.length === 0 && (await listTable(program)) !== undefined) {
    const name = `${TABLE.family} ${TABLE.name}`;
    throw new HostError(
      `nft table ${name}`,
      `is there, but not by this Weir's record; if nobody else uses it: nft delete table ${name}`,
    );
  }
  const after = withMasquerade(before, rule);
  const commands = replaceTable(after.masquerade);
  file.save(after);
  await applyNft(program, commands);
}

/** Removes a rule, and with the last one the table; taken out of the record last. */
export async function removeRecordedMasquerade(
  file: OriginalsFile,
  program: string,
  rule: Masquerade,
): Promise<void> {
  const before = file.load();
  const after = withoutMasquerade(before, rule);
  if (after.masquerade.length === before.masquerade.length) return;
  const { masquerade } = after;
  await applyNft(program, masquerade.length === 0 ? removeTable() : replaceTable(masquerade));
  file.save(after);
}

/** Removes Weir's table if the record says that it is Weir's; a line that says so, or none. */
export async function restoreMasquerade(file: OriginalsFile, program: string): Promise<readonly string[]> {
  const record = file.load();
  if (record.masquerade.length === 0) return [];
  const table = await listTable(program);
  const name = `nft table ${TABLE.family} ${TABLE.name}`;
  if (table !== undefined) await applyNft(program, removeTable());
  file.save({ ...record, masquerade: [] });
  if (table === undefined) return [`${name}: gone already`];
  return [table.intact ? `${name}: removed` : `${name}: removed, with what others had changed in it`];
}

/** Sets sysctls so that they can be put back, and puts them back. */
import { sysctlOrder } from '../core/plan/sysctl-order.ts';
import { HostError } from './errors.ts';
import { type Originals, recordedWrite, type SysctlRecord, withSysctl } from './originals.ts';
import type { OriginalsFile } from './originals-file.ts';
import {
  configuredInterfaces,
  missingHint,
  normaliseValue,
  readSysctl,
  sideEffects,
  writeSysctl,
} from './sysctl.ts';

/** Present values by name; a parameter that the kernel lacks has none. */
export function observeSysctls(names: Iterable<string>): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const name of names) {
    const value = readSysctl(name);
    if (value !== undefined) values.set(name, value);
  }
  return values;
}

/** Sets a parameter, the original and what else the write may change being recorded first. Nothing happens if it has the value. */
export function setRecordedSysctl(file: OriginalsFile, name: string, wanted: string): void {
  const value = normaliseValue(wanted);
  const present = readSysctl(name);
  if (present === undefined) throw new HostError(name, `cannot be set to "${value}": ${missingHint(name)}`);
  if (present === value) return;
  const before = file.load();
  const during = recordWrite(before, name, present, value);
  file.save(during);
  try {
    writeSysctl(name, value);
  } catch (error) {
    file.save(before);
    throw error;
  }
  const taken = readSysctl(name) ?? value;
  const after = settle(before, during, name, taken);
  if (after !== during) file.save(after);
  if (taken !== value) {
    throw new HostError(
      name,
      `the kernel made "${taken}" of "${value}"; ask for "${taken}" in the configuration`,
    );
  }
}

/** The record with the write to come and everything that it may change along the way. */
function recordWrite(before: Originals, name: string, present: string, value: string): Originals {
  let record = withSysctl(before, name, recordedWrite(before.sysctls[name], present, value));
  for (const [other, effect] of sideEffects(name, value, configuredInterfaces(name))) {
    const now = readSysctl(other);
    if (now === undefined) continue;
    record = withSysctl(record, other, recordedWrite(before.sysctls[other], now, effect, name));
  }
  return record;
}

/**
 * After the write: takes out what did not follow it after all, and notes the value that the kernel really took. What had
 * the value already stays in: putting the cause back may change it.
 */
function settle(before: Originals, during: Originals, name: string, taken: string): Originals {
  let record = during;
  for (const [other, entry] of Object.entries(during.sysctls)) {
    if (entry.effect_of !== name || before.sysctls[other] !== undefined) continue;
    if (readSysctl(other) !== entry.ours.at(-1)) record = withSysctl(record, other, undefined);
  }
  const entry = record.sysctls[name];
  if (entry === undefined || entry.ours.includes(taken)) return record;
  return withSysctl(record, name, { ...entry, ours: [...entry.ours, taken] });
}

/** Sets a parameter for the time of `act` only. A crash in between leaves a record by which `restore` puts it back. */
export function withSysctlSet(file: OriginalsFile, name: string, value: string, act: () => void): void {
  const before = readSysctl(name);
  const entry = file.load().sysctls[name];
  setRecordedSysctl(file, name, value);
  try {
    act();
  } finally {
    if (before !== undefined && before !== value) {
      writeSysctl(name, before);
      file.save(withSysctl(file.load(), name, entry));
    }
  }
}

/** What was put back or left alone, a line each, and what went wrong. */
export interface RestoreReport {
  readonly lines: readonly string[];
  readonly failures: readonly unknown[];
}

/** What to do with one recorded parameter: `target` is the value it should end with. */
interface Restoration {
  readonly name: string;
  readonly entry: SysctlRecord;
  readonly present: string | undefined;
  readonly target: string | undefined;
}

function restorationOf(name: string, entry: SysctlRecord): Restoration {
  const present = readSysctl(name);
  const ours = present !== undefined && (entry.ours.includes(present) || present === entry.original);
  return { name, entry, present, target: ours ? entry.original : present };
}

/**
 * Puts every recorded parameter that is still as Weir left it back to its original. All are looked at before any is
 * written, since writing ip_forward changes others, and each is compared again before it is written. What fails stays recorded.
 */
export function restoreSysctls(file: OriginalsFile): RestoreReport {
  const record = file.load();
  const restorations = sysctlOrder(Object.keys(record.sysctls)).map((name) =>
    restorationOf(name, record.sysctls[name]!),
  );
  const claimed = claimEffects(record, restorations);
  if (claimed !== record) file.save(claimed);
  const lines: string[] = [];
  const failures: unknown[] = [];
  let remaining: Originals = { ...claimed, sysctls: {} };
  for (const restoration of restorations) {
    const { name, target } = restoration;
    try {
      if (target !== undefined && readSysctl(name) !== target) writeSysctl(name, target);
      lines.push(...lineOf(restoration));
    } catch (error) {
      failures.push(error);
      remaining = withSysctl(remaining, name, claimed.sysctls[name]);
    }
  }
  file.save(remaining);
  return { lines, failures };
}

/** Marks as ours what the writes to come will change, so that a restore that is killed halfway can be run again. */
function claimEffects(record: Originals, restorations: readonly Restoration[]): Originals {
  let claimed = record;
  for (const { name, present, target } of restorations) {
    if (target === undefined || present === target) continue;
    for (const [other, effect] of sideEffects(name, target, configuredInterfaces(name))) {
      const entry = claimed.sysctls[other];
      const theirs = restorations.find((one) => one.name === other);
      if (entry === undefined || entry.ours.includes(effect) || theirs?.target !== entry.original) continue;
      claimed = withSysctl(claimed, other, { ...entry, ours: [...entry.ours, effect] });
    }
  }
  return claimed;
}

/** What followed another parameter goes back with it and needs no line of its own. */
function lineOf({ name, entry, present, target }: Restoration): readonly string[] {
  if (entry.effect_of !== undefined) return [];
  if (present === undefined) return [`${name}: gone, nothing to put back`];
  if (present === entry.original) return [];
  if (target === entry.original) return [`${name}: ${present} → ${target} (as it was)`];
  return [
    `${name}: left at ${present}, which is not what Weir set (${entry.ours.at(-1)}); it was ${entry.original}`,
  ];
}

/** What Weir changed at this host and how it was before: the record that lets `restore` undo it after any crash; pure. */
import { z } from 'zod';
import { parseAddress } from '../core/address/address.ts';
import { type Masquerade, masqueradeKey, type Vip, vipKey } from '../core/model/host.ts';

const address = z.string().transform((text, context) => {
  const parsed = parseAddress(text);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: 'custom', message: `not an address: ${text}` });
  return z.NEVER;
});
const prefix = z.strictObject({ address, length: z.int().min(0).max(128) });
const vip = prefix.extend({ interface: z.string().min(1), label: z.string().exactOptional() });
const masquerade = z.strictObject({ source: prefix, interface: z.string().min(1) });
const sysctl = z.strictObject({
  /** The value before Weir first wrote one. */
  original: z.string(),
  /** Values by which to know that the parameter is as Weir left it: the one last written, and the one before. */
  ours: z.array(z.string()).readonly(),
  /** The parameter that Weir did write, where this one only followed. */
  effect_of: z.string().exactOptional(),
});
export const ORIGINALS_SCHEMA = z.strictObject({
  version: z.literal(1),
  /** /proc/sys/kernel/random/boot_id: a reboot undoes all of this by itself. */
  boot_id: z.string(),
  /** The network namespace that was changed, as `networkNamespaceCookie` gives it. */
  network_namespace: z.string(),
  sysctls: z.record(z.string(), sysctl),
  vips: z.array(vip).readonly(),
  masquerade: z.array(masquerade).readonly(),
});

/** One sysctl's record. */
export type SysctlRecord = Readonly<z.infer<typeof sysctl>>;
/** All that Weir changed at this host. Every entry is written before the change it describes. */
export type Originals = Readonly<z.infer<typeof ORIGINALS_SCHEMA>>;

/** Which network stack a record is about. */
export interface StackIdentity {
  readonly boot_id: string;
  readonly network_namespace: string;
}

/** A record of nothing. */
export function noOriginals(identity: StackIdentity): Originals {
  return { version: 1, ...identity, sysctls: {}, vips: [], masquerade: [] };
}

/** The record with one sysctl changed; `undefined` takes it out. */
export function withSysctl(record: Originals, name: string, entry: SysctlRecord | undefined): Originals {
  // In its place: what was there is written the same again, see `saveOriginals`.
  if (entry !== undefined) return { ...record, sysctls: { ...record.sysctls, [name]: entry } };
  const { [name]: _, ...others } = record.sysctls;
  return { ...record, sysctls: others };
}

/** The record with a VIP in it, once. */
export function withVip(record: Originals, vip: Vip): Originals {
  const recorded = recordedVip(record, vip);
  if (recorded !== undefined && recorded.label === vip.label) return record;
  return { ...record, vips: [...withoutVip(record, vip).vips, vip] };
}

/** The record without a VIP. */
export function withoutVip(record: Originals, vip: Vip): Originals {
  return { ...record, vips: record.vips.filter((one) => vipKey(one) !== vipKey(vip)) };
}

/** The recorded VIP of the same key; undefined if it is not ours. */
export function recordedVip(record: Originals, vip: Vip): Vip | undefined {
  return record.vips.find((one) => vipKey(one) === vipKey(vip));
}

/** The record with a masquerade rule in it, once. */
export function withMasquerade(record: Originals, rule: Masquerade): Originals {
  const key = masqueradeKey(rule);
  if (record.masquerade.some((one) => masqueradeKey(one) === key)) return record;
  return { ...record, masquerade: [...record.masquerade, rule] };
}

/** The record without a masquerade rule. */
export function withoutMasquerade(record: Originals, rule: Masquerade): Originals {
  const key = masqueradeKey(rule);
  return { ...record, masquerade: record.masquerade.filter((one) => masqueradeKey(one) !== key) };
}

/**
 * The entry to write down before `name` is set from `present` to `next`: the original stays the first one, and both the
 * value that a crash would leave and the one to come count as ours.
 */
export function recordedWrite(
  entry: SysctlRecord | undefined,
  present: string,
  next: string,
  effectOf?: string,
): SysctlRecord {
  const previous = entry?.ours.includes(present) === true && present !== next ? [present] : [];
  const effect = entry === undefined ? effectOf : effectOf === undefined ? undefined : entry.effect_of;
  return {
    original: entry?.original ?? present,
    ours: [...previous, next],
    ...(effect === undefined ? {} : { effect_of: effect }),
  };
}

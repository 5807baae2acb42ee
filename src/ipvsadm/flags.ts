/** Flags of services: by what names they are given and shown. */
import { fail } from './refuse.ts';

/** IP_VS_SVC_F_* of linux/ip_vs.h. */
export const PERSISTENT = 0x1;
export const ONE_PACKET = 0x4;
const SCHEDULER_FLAGS = [0x8, 0x10, 0x20] as const;

/** The names that a scheduler has for its flags, lowest first. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  sh: ['sh-fallback', 'sh-port'],
  mh: ['mh-fallback', 'mh-port'],
};
const GENERAL = ['flag-1', 'flag-2', 'flag-3'];

/** Reads a list such as `sh-port,sh-fallback`. Refuses what is no flag, and what is another scheduler's. */
export function parseSchedulerFlags(
  text: string,
  scheduler: string | undefined,
  at: number | undefined,
): number {
  let flags = 0;
  for (const name of text.split(',').filter((one) => one !== '')) {
    const [owner, names] = Object.entries(NAMES).find(([, all]) => all.includes(name)) ?? [
      undefined,
      GENERAL,
    ];
    const index = names.indexOf(name);
    if (index < 0) fail(`invalid scheduler flag \`${name}'`, at);
    if (owner !== undefined && owner !== scheduler) fail(`incompatible scheduler flag \`${name}'`, at);
    flags |= SCHEDULER_FLAGS[index]!;
  }
  return flags;
}

/** The list of a service's flags; undefined where it has none. A flag that its scheduler has no name for is left out. */
export function schedulerFlagsText(scheduler: string, flags: number): string | undefined {
  if (SCHEDULER_FLAGS.every((flag) => (flags & flag) === 0)) return undefined;
  const names = NAMES[scheduler] ?? GENERAL;
  return names.filter((_, i) => (flags & SCHEDULER_FLAGS[i]!) !== 0).join(',');
}

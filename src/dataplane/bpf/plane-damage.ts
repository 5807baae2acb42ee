/** What of the plane itself, its services apart, somebody else has changed: pins and settings. */
import { firstDifference } from './records.ts';
import type { Tables } from './tables.ts';

/** So many pins are named. */
const NAMED = 5;

/** What was found, in words; nothing in a plane that is as this process has left it. */
export function planeDamage({ pins, settings }: Pick<Tables, 'pins' | 'settings'>): string[] {
  return [pinDamage(pins.gone()), settingsDamage(settings)].filter((one) => one !== undefined);
}

/** Puts both back. Throws a KernelError when the kernel refuses. */
export function mendPlane({ pins, settings }: Pick<Tables, 'pins' | 'settings'>): void {
  if (pins.gone().length > 0) pins.restore();
  // By which way packets go is a step of its own, that sees to the programs, too.
  if (settingsDamage(settings) !== undefined) settings.change({ by_stack: settings.get(0).by_stack });
}

function pinDamage(gone: readonly string[]): string | undefined {
  if (gone.length === 0) return undefined;
  const more = gone.length > NAMED ? ` and ${gone.length - NAMED} more` : '';
  return `pins are gone: ${gone.slice(0, NAMED).join(', ')}${more}`;
}

function settingsDamage(settings: Tables['settings']): string | undefined {
  if (settings.written === undefined) return undefined;
  const { secret, by_stack: _, ...wanted } = settings.written;
  const found = settings.get(0);
  // The secret stays one.
  const difference = secret.every((word, i) => word === found.secret[i])
    ? firstDifference(wanted, found)
    : 'secret is another';
  return difference && `settings: ${difference}`;
}

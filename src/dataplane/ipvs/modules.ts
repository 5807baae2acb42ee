/** The modules that ip_vs needs for a service: loaded when one is missing, and not asked for again and again where it cannot be. */
import { KernelError } from '../../kernel/errors.ts';
import { loadModule, modulesStamp } from '../../kernel/modules.ts';
import type { IpvsService } from './codec/values.ts';

/** What it stands on; the kernel's by default. */
export interface ModulesParts {
  /** Returns undefined, or why it could not be. */
  readonly load?: (module: string) => string | undefined;
  /** Another one when a module may be had that was not before. */
  readonly stamp?: () => string;
  /** Milliseconds of a clock that is never set back. */
  readonly now?: () => number;
}

/** A module that could not be had. */
interface Missing {
  readonly reason: string;
  readonly stamp: string;
  /** Until when it is not tried again while the stamp is the same, and how long that was from the try. */
  readonly until: number;
  readonly pauseMs: number;
}

/** Between two tries of a module, in milliseconds: at first, and at most, each pause being twice the one before. */
const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 600_000;
/** So often the kernel is asked at most whether its modules are others. */
const STAMP_EVERY_MS = 1_000;

/** Does what may need modules for a service. Throws what `act` throws, or an Error with why a module is not to be had. */
export type WithModules = (service: Pick<IpvsService, 'scheduler' | 'pe'>, act: () => void) => void;

/**
 * What does so. The kernel loads these modules by itself, and says no more than ENOENT where it cannot; then modprobe says why. That starts
 * two programs for each service, and every look at the plane comes back to it: so a module that was not to be had is taken as missing,
 * without asking the kernel, until a pause is over or the kernel's modules are others.
 */
export function openModules({
  load = loadModule,
  stamp = modulesStamp,
  now = () => performance.now(),
}: ModulesParts = {}): WithModules {
  const missing = new Map<string, Missing>();
  let latest: { readonly at: number; readonly stamp: string } | undefined;
  const present = (): string => {
    const at = now();
    if (latest === undefined || at >= latest.at + STAMP_EVERY_MS) latest = { at, stamp: stamp() };
    return latest.stamp;
  };
  const note = (module: string, reason: string): void => {
    latest = undefined;
    const before = missing.get(module)?.pauseMs;
    const pauseMs = before === undefined ? FIRST_PAUSE_MS : Math.min(2 * before, LONGEST_PAUSE_MS);
    missing.set(module, { reason, stamp: present(), until: now() + pauseMs, pauseMs });
  };
  const refuse = (need: Need, cause?: unknown): never => {
    const { reason } = missing.get(need.module)!;
    throw new Error(`this kernel's ip_vs has no ${need.kind} ${need.name}: ${reason}`, { cause });
  };
  return (service, act) => {
    const needs = needsOf(service);
    for (const need of needs) {
      const known = missing.get(need.module);
      if (known !== undefined && known.stamp === present() && now() < known.until) refuse(need);
    }
    try {
      act();
    } catch (error) {
      if (!isMissing(error)) throw error;
      for (const need of needs) {
        const reason = load(need.module);
        if (reason === undefined) continue;
        note(need.module, reason);
        refuse(need, error);
      }
      again(needs, act);
    }
    for (const { module } of needs) missing.delete(module);
  };
  /** With its modules there. */
  function again(needs: readonly Need[], act: () => void): void {
    try {
      act();
    } catch (error) {
      const [first] = needs;
      if (!isMissing(error) || first === undefined) throw error;
      for (const { module } of needs) note(module, `${module} was loaded, and ip_vs does not find it`);
      refuse(first, error);
    }
  }
}

interface Need {
  readonly kind: 'scheduler' | 'persistence engine';
  readonly name: string;
  readonly module: string;
}

const needsOf = ({ scheduler, pe }: Pick<IpvsService, 'scheduler' | 'pe'>): readonly Need[] => [
  { kind: 'scheduler', name: scheduler, module: `ip_vs_${scheduler}` },
  ...(pe === undefined ? [] : [{ kind: 'persistence engine', name: pe, module: `ip_vs_pe_${pe}` } as const]),
];

const isMissing = (error: unknown): boolean => error instanceof KernelError && error.code === 'ENOENT';

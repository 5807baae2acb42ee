/** Modules that the kernel is to load at every boot: modules-load.d(5). */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { writeDurably } from '../kernel/durable.ts';
import { codeOf } from './errors.ts';

/** Weir's own file there. */
export const MODULES_FILE = '/etc/modules-load.d/weir.conf';

const HEAD = '# Written by weir run for its ipvs plane; weir down removes it.\n';

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Has the modules loaded at every boot; returns undefined, or why that could not be. A file that is not Weir's stays as it is. */
export function keepModules(names: readonly string[], path: string = MODULES_FILE): string | undefined {
  const text = `${HEAD}${names.map((name) => `${name}\n`).join('')}`;
  try {
    const present = read(path);
    if (present === text) return undefined;
    if (present !== undefined && !present.startsWith(HEAD))
      return `${path} is not Weir's; see that it has ${names.join(', ')}`;
    if (!existsSync(dirname(path)))
      return `there is no ${dirname(path)}; have ${names.join(', ')} loaded at boot by other means`;
    writeDurably(path, text, { mode: 0o644 });
    return undefined;
  } catch (error) {
    return `${path} cannot be written (${codeOf(error)}); have ${names.join(', ')} loaded at boot by other means`;
  }
}

/** Ends that, if the file is Weir's; a line for people, or none. */
export function forgetModules(path: string = MODULES_FILE): readonly string[] {
  try {
    if (read(path)?.startsWith(HEAD) !== true) return [];
    rmSync(path);
    return [`${path}: removed`];
  } catch (error) {
    return [`${path}: cannot be removed (${codeOf(error)}); it loads modules of ip_vs at boot`];
  }
}

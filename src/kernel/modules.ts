/** Modules of the kernel, loaded as modprobe(8) does. */
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { release } from 'node:os';

/** Where modprobe may lie besides PATH, which a service manager may have cut short. */
const PLACES = '/usr/local/sbin:/usr/sbin:/sbin';

/** Loads a module, or finds it loaded or built in; returns undefined, or why that could not be. */
export function loadModule(name: string): string | undefined {
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:${PLACES}` };
  const { error, status, stderr } = spawnSync('modprobe', [name], { env, encoding: 'utf8' });
  if (error !== undefined) return `modprobe ${name} could not be run: ${error.message}`;
  if (status === 0) return undefined;
  const said = stderr.trim().split('\n').at(-1);
  return said || `modprobe ${name} ended with ${status}`;
}

/**
 * A text that is another one when a module may be had that was not before: the names of those that are loaded, and when depmod(8) last
 * listed those that there are. Not the rest of /proc/modules: its counts of users change all the time.
 */
export function modulesStamp(): string {
  const loaded = given(() => readFileSync('/proc/modules', 'utf8').replaceAll(/^(\S+).*$/gm, '$1'));
  return `${given(() => statSync(`/lib/modules/${release()}/modules.dep`).mtimeMs)}\n${loaded}`;
}

/** Empty where it is not to be had: a kernel may have no modules at all. */
function given<T>(read: () => T): T | '' {
  try {
    return read();
  } catch {
    return '';
  }
}

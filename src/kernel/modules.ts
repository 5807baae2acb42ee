/** Modules of the kernel, loaded as modprobe(8) does. */
import { spawnSync } from 'node:child_process';

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

/** `weir down` where no daemon runs: the same end, reached from what is pinned and recorded. */
import { existsSync } from 'node:fs';
import { lockPins } from '../dataplane/bpf/plane.ts';
import { removeAll } from '../dataplane/bpf/retirement.ts';
import { removePinDir } from '../dataplane/bpf/tables.ts';
import { removeIpvsPlane } from '../dataplane/ipvs/open.ts';
import { forgetModules } from '../host/modules.ts';
import { openHost } from '../host/open.ts';
import { dataplaneFile } from './dataplane-file.ts';
import { ipvsRecordDir } from './open-plane.ts';

/**
 * Puts the host back and removes every data plane under `pinDir`, of this version or another; a line per thing done, or
 * one that says that there was nothing to do.
 */
export async function down(options: { stateDir: string; pinDir: string }): Promise<readonly string[]> {
  const unlock = existsSync(options.pinDir) ? lockPins(options.pinDir) : () => {};
  const restored = await openHost({ stateDir: options.stateDir }).restore();
  const services = removeIpvsPlane(ipvsRecordDir(options.stateDir));
  const layouts = removeAll(options.pinDir);
  removePinDir(options.pinDir);
  unlock();
  const file = dataplaneFile(options.stateDir);
  const { migration, ...rest } = file.load();
  if (migration !== undefined) file.save(rest);
  const modules = forgetModules();
  const lines = [
    ...restored,
    ...services,
    ...modules,
    ...layouts.map((layout) => `data plane ${layout}: removed`),
  ];
  return lines.length > 0
    ? lines
    : [
        'nothing to take down: no data plane is pinned, no service of ip_vs is ours and no change of the host is recorded',
      ];
}

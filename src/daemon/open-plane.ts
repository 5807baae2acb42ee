/** Which data plane directs the packets: the one that the configuration names, or the first that can be had. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../core/model/config.ts';
import { openBpfPlane } from '../dataplane/bpf/plane.ts';
import { missingRequirements, thisMachine } from '../dataplane/bpf/requirements.ts';
import { recordedServices } from '../dataplane/ipvs/open.ts';
import { openIpvsPlane } from '../dataplane/ipvs/plane.ts';
import type { KernelPlane } from '../dataplane/port.ts';

/** What a plane is opened with. */
export interface PlaneOptions {
  readonly config: Pick<Config, 'dataplane' | 'limits' | 'attach'>;
  readonly pinDir: string;
  readonly stateDir: string;
  /** Finds the compiled packet path, or throws. */
  readonly objectFile: () => string;
}

const isPinned = (pinDir: string): boolean => existsSync(pinDir) && readdirSync(pinDir).length > 0;

/** Where the record of Weir's services in ip_vs lies. */
export const ipvsRecordDir = (stateDir: string): string => join(stateDir, 'ipvs');

/**
 * Opens the plane; throws an Error that says what stands in its way. Two planes are never there at a time: each would
 * direct what the other has connections of.
 */
export function openPlane({ config, pinDir, stateDir, objectFile }: PlaneOptions): KernelPlane {
  const { dataplane, limits, attach } = config;
  const recordDir = ipvsRecordDir(stateDir);
  const bpf = (): KernelPlane => {
    const services = recordedServices(recordDir);
    if (services > 0)
      throw new Error(
        `the ipvs plane has ${services} of Weir's services in this kernel, and directs by them; weir down removes them, or choose dataplane: ipvs`,
      );
    return openBpfPlane({ objectFile: objectFile(), pinDir, limits, attach });
  };
  const ipvs = (because?: string): KernelPlane => {
    if (isPinned(pinDir))
      throw new Error(
        `the bpf plane is pinned in ${pinDir}, and directs the packets; weir down removes it, or choose dataplane: bpf`,
      );
    return openIpvsPlane({ recordDir, ...(because !== undefined && { because }) });
  };
  if (dataplane === 'bpf') return bpf();
  if (dataplane === 'ipvs') return ipvs();
  const missing = missingRequirements(thisMachine());
  if (missing.length > 0) return instead(missing.join(' '), ipvs);
  try {
    return bpf();
  } catch (error) {
    // One that is there directs the packets, whatever keeps this daemon from it.
    if (isPinned(pinDir)) throw error;
    return instead((error as Error).message, ipvs, error as Error);
  }
}

/** The other plane, and why; where that is not to be had either, both reasons. */
function instead(reason: string, ipvs: (because: string) => KernelPlane, cause?: Error): KernelPlane {
  try {
    return ipvs(`chosen because bpf is not to be had: ${reason}`);
  } catch (error) {
    throw new Error(`no data plane is to be had. bpf: ${reason} ipvs: ${(error as Error).message}`, {
      cause: cause ?? error,
    });
  }
}

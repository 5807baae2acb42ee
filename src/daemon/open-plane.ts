/** Which data plane directs the packets: the one that an operator has chosen, or the configuration names, or the first that can be had. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../core/model/config.ts';
import type { Dataplane, PlaneKind } from '../core/model/host.ts';
import { lockPins, openBpfPlane } from '../dataplane/bpf/plane.ts';
import { missingRequirements, thisMachine } from '../dataplane/bpf/requirements.ts';
import { removeAll } from '../dataplane/bpf/retirement.ts';
import { removePinDir } from '../dataplane/bpf/tables.ts';
import { recordedServices, removeIpvsPlane } from '../dataplane/ipvs/open.ts';
import { openIpvsPlane } from '../dataplane/ipvs/plane.ts';
import type { KernelPlane } from '../dataplane/port.ts';
import { type DataplaneRecord, dataplaneFile, otherPlane } from './dataplane-file.ts';
import { Planes } from './planes.ts';

/** What a plane is opened with. */
export interface PlaneOptions {
  /** The other plane is there, and this one is opened beside it. */
  readonly beside?: true;
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
 * Opens the plane; throws an Error that says what stands in its way. Two planes are never there at a time but in a
 * migration: each would direct what the other has connections of.
 */
export function openPlane({ config, pinDir, stateDir, objectFile, beside }: PlaneOptions): KernelPlane {
  const { dataplane, limits, attach } = config;
  const recordDir = ipvsRecordDir(stateDir);
  const bpf = (): KernelPlane => {
    const services = beside ? 0 : recordedServices(recordDir);
    if (services > 0)
      throw new Error(
        `the ipvs plane has ${services} of Weir's services in this kernel, and directs by them; weir down removes them, or choose dataplane: ipvs`,
      );
    return openBpfPlane({ objectFile: objectFile(), pinDir, limits, attach });
  };
  const ipvs = (because?: string): KernelPlane => {
    if (!beside && isPinned(pinDir))
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

/** Told what a start has found of a migration that was under way. */
export interface PlanesFound {
  readonly planes: Planes;
  /** In words: a preparation that was given up. Absent for none. */
  readonly given_up?: string;
}

/**
 * Opens the planes as they were left: one, or, in the middle of a migration, both. A migration that was only being prepared is
 * given up: the plane that has directed goes on.
 */
export function openPlanes(
  options: Omit<PlaneOptions, 'beside'>,
  behind: (error: Error) => void,
  openOne: typeof openPlane = openPlane,
): PlanesFound {
  const { config, pinDir, stateDir } = options;
  const file = dataplaneFile(stateDir);
  const found = file.load();
  const open = (dataplane: Dataplane, beside?: true): KernelPlane =>
    openOne({ ...options, config: { ...config, dataplane }, ...(beside && { beside }) });
  const parts = { file, behind, open: (kind: PlaneKind) => open(kind, true) };
  const isThere = (kind: PlaneKind): boolean =>
    kind === 'bpf' ? isPinned(pinDir) : recordedServices(ipvsRecordDir(stateDir)) > 0;
  const { migration, chosen } = found;
  const plain = chosen === undefined ? {} : { chosen };
  if (migration === undefined)
    return { planes: new Planes({ ...parts, lead: open(chosen?.plane ?? config.dataplane), record: found }) };
  const { from, phase, back } = migration;
  const to = otherPlane(from);
  if (phase === 'preparing' && back === undefined) {
    if (isThere(to)) removePlane(to, options);
    file.save(plain);
    const planes = new Planes({ ...parts, lead: open(from), record: plain });
    return { planes, given_up: `${to} had not taken over; ${from} goes on` };
  }
  const record: DataplaneRecord =
    phase === 'preparing' ? { ...plain, migration: { ...back!, from: to, phase: 'switched' } } : found;
  const given_up = phase === 'preparing' ? { given_up: `the way back to ${to} was not begun` } : {};
  const elderKind = record.migration!.from;
  // Taken down meanwhile, or a new boot: nothing is left of it.
  if (!isThere(elderKind)) {
    file.save(plain);
    return {
      planes: new Planes({ ...parts, lead: open(otherPlane(elderKind)), record: plain }),
      ...given_up,
    };
  }
  if (record !== found) file.save(record);
  const elder = open(elderKind, true);
  try {
    const lead = open(otherPlane(elderKind), true);
    return { planes: new Planes({ ...parts, lead, elder, record }), ...given_up };
  } catch (error) {
    elder.close();
    throw error;
  }
}

/** Removes what there is of a plane that nobody has opened. */
function removePlane(kind: PlaneKind, { pinDir, stateDir }: Pick<PlaneOptions, 'pinDir' | 'stateDir'>): void {
  if (kind === 'ipvs') {
    removeIpvsPlane(ipvsRecordDir(stateDir));
    return;
  }
  const unlock = lockPins(pinDir);
  removeAll(pinDir);
  removePinDir(pinDir);
  unlock();
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
